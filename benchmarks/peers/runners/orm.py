"""The way of a web application: one mapped object for each row, `Session.merge`, a commit for each page."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Text, create_engine
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column

from benchmarks.peers.runners.source import Record, changed, client, database_url


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


def _issue(record: Record) -> Issue:
    return Issue(
        id=record["id"],
        project_id=record["projectId"],
        issue_key=record["issueKey"],
        summary=record["summary"],
        description=record["description"],
        status_id=record["status"]["id"],
        assignee_id=(record["assignee"] or {}).get("id"),
        created=datetime.fromisoformat(record["created"]),
        updated=datetime.fromisoformat(record["updated"]),
        payload=record,
    )


def _comment(record: Record) -> Comment:
    return Comment(
        id=record["id"],
        issue_id=record["issueId"],
        content=record["content"],
        created=datetime.fromisoformat(record["created"]),
        updated=datetime.fromisoformat(record["updated"]),
        payload=record,
    )


def main() -> None:
    """Merge what has changed."""
    engine = create_engine(database_url())
    Base.metadata.create_all(engine)
    with client() as http:
        for issues, comments in changed(http):
            with Session(engine) as session, session.begin():
                for record in issues:
                    session.merge(_issue(record))
                for record in comments:
                    session.merge(_comment(record))


main()
