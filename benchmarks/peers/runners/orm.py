"""The way of a web application: one mapped object for each row, `Session.merge`, a commit for each
page.
"""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.peers.runners.source import (
    Record,
    changed,
    client,
    comment_columns,
    database_url,
    issue_columns,
)


class Base(DeclarativeBase):
    """The tables."""


class Issue(Base):
    """An issue: some columns, and its JSON."""

    __tablename__ = "issues"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    project_id: Mapped[int] = mapped_column(BigInteger)
    issue_key: Mapped[str] = mapped_column(Text)
    summary: Mapped[str] = mapped_column(Text)
    description: Mapped[str | None] = mapped_column(Text)
    status_id: Mapped[int] = mapped_column(BigInteger)
    assignee_id: Mapped[int | None] = mapped_column(BigInteger)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[Record] = mapped_column(JSONB)


class Comment(Base):
    """A comment: some columns, and its JSON."""

    __tablename__ = "comments"
    id: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    issue_id: Mapped[int] = mapped_column(BigInteger)
    content: Mapped[str | None] = mapped_column(Text)
    created: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    updated: Mapped[datetime] = mapped_column(DateTime(timezone=True))
    payload: Mapped[Record] = mapped_column(JSONB)


def _moments(columns: Record) -> Record:
    return columns | {
        name: datetime.fromisoformat(columns[name]) for name in ("created", "updated")
    }


def main() -> None:
    """Merge what has changed."""
    engine = create_engine(database_url())
    Base.metadata.create_all(engine)
    with client() as http:
        for issues, comments in changed(http):
            with Session(engine) as session, session.begin():
                for record in issues:
                    session.merge(Issue(**_moments(issue_columns(record)), payload=record))
                for record in comments:
                    session.merge(Comment(**_moments(comment_columns(record)), payload=record))


main()
