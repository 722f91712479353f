"""Changes of an issue's history: comments, their notifications and stars."""

from collections.abc import Sequence

from simulator.model import Change, Comment, Issue, Notice, Star
from simulator.state import Moment, Reference, State, mutator

COMMENTED, NOTIFIED = 3, 17


class CommentMutators(State):
    """Actions on comments, and the history rows of all actions on issues."""

    @mutator
    def comment(
        self,
        issue: Reference | Issue,
        content: str,
        *,
        by: int | None = None,
        at: Moment = None,
        notify: Sequence[int] = (),
    ) -> Comment:
        """Add a comment to an issue."""
        found, moment = self.issue(issue), self.moment(at)
        author = self.author(by, moment)
        if self.switches.comment_moves_updated:
            self._move_updated(found, author, moment)
        row = self._add_comment(found, content, (), author, moment, notify)
        self._record_update(COMMENTED, found, row)
        return row

    @mutator
    def edit_comment(self, comment: Comment | int, content: str, *, at: Moment = None) -> None:
        """Change the text of a comment: only its `updated` shows it."""
        row = self.comment_row(comment)
        row.content, row.updated = content, self.moment(at)

    @mutator
    def delete_comment(self, comment: Comment | int) -> None:
        """Delete a comment without a trace."""
        row = self.comment_row(comment)
        self.issues[row.issue_id].comments.remove(row)

    @mutator
    def notify(
        self,
        comment: Comment | int,
        users: Sequence[int],
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> None:
        """Notify more users of a comment: activity 17."""
        row, moment = self.comment_row(comment), self.moment(at)
        row.notices += tuple(Notice(self.new_id("other"), user) for user in users)
        self._record_update(
            NOTIFIED, self.issues[row.issue_id], row, self.author(by, moment), moment
        )

    @mutator
    def star_comment(
        self, comment: Comment | int, *, by: int | None = None, at: Moment = None
    ) -> Star:
        """Give a comment a star, which nothing else shows."""
        row, moment = self.comment_row(comment), self.moment(at)
        star = Star(self.new_id("other"), self.author(by, moment), moment)
        row.stars += (star,)
        return star

    def _add_comment(
        self,
        issue: Issue,
        content: str,
        changes: tuple[Change, ...],
        by: int,
        at: int,
        notify: Sequence[int] = (),
    ) -> Comment:
        notices = tuple(Notice(self.new_id("other"), user) for user in notify)
        row = Comment(self.new_id("comment"), issue.id, content, changes, by, at, at, notices)
        issue.comments.append(row)
        return row

    def _record_update(
        self,
        kind: int,
        issue: Issue,
        row: Comment | None,
        by: int | None = None,
        at: int | None = None,
    ) -> None:
        """Append activity 2, 3 or 17; author and moment are the comment's unless given."""
        project = self.projects[issue.project_id]
        said = None if row is None else (row.id, row.content)
        changes = row.changes if row else ()
        author = by if by is not None else row.by if row else issue.updated_by
        moment = at if at is not None else row.created if row else issue.updated
        self.record(
            kind,
            project,
            author,
            moment,
            issue.id,
            issue.key_id,
            issue.summary,
            issue.description,
            said,
            changes,
        )

    def _move_updated(self, issue: Issue, by: int, at: int) -> None:
        issue.updated, issue.updated_by = at, by
        self.touch(issue.id)
