"""Changes of issues: each method is one action of people, with its comment and activity."""

from collections.abc import Iterable, Sequence
from typing import Any

from simulator.changes import changes_of
from simulator.masters import FieldValue
from simulator.model import Attachment, Change, Comment, Issue, Star
from simulator.mutate_comments import CommentMutators
from simulator.state import Moment, Reference, mutator

CREATED, UPDATED, DELETED, BULK_UPDATED, BULK_CREATED = 1, 2, 4, 14, 47


class IssueMutators(CommentMutators):
    """Actions on issues and comments."""

    @mutator
    def create_issue(
        self,
        /,
        project: Reference,
        *,
        summary: str = "New issue",
        by: int | None = None,
        at: Moment = None,
        notify: Sequence[int] = (),
        **fields: Any,
    ) -> Issue:
        """Create an issue; `fields` are attributes of `Issue`. Notified users cause an automatic
        first comment.
        """
        issue = self._new_issue(project, summary, by, at, fields)
        home = self.projects[issue.project_id]
        self.record(
            CREATED,
            home,
            issue.created_by,
            issue.created,
            issue.id,
            issue.key_id,
            summary,
            issue.description,
        )
        if notify:
            change = Change("notification", "", "", "", "")
            self._add_comment(issue, "", (change,), issue.created_by, issue.created, notify)
        return issue

    @mutator
    def import_issues(
        self,
        /,
        project: Reference,
        count: int,
        *,
        summaries: Sequence[str] = (),
        by: int | None = None,
        at: Moment = None,
        **fields: Any,
    ) -> list[Issue]:
        """Create `count` issues in the same second, like a bulk import, with one activity
        for all.
        """
        moment = self.moment(at)
        named = summaries or [f"Imported {n}" for n in range(1, count + 1)]
        made = [self._new_issue(project, one, by, moment, dict(fields)) for one in named]
        if made:
            links = tuple((issue.id, issue.key_id, issue.summary, None) for issue in made)
            self.record(BULK_CREATED, self.project(project), made[0].created_by, moment, links)
        return made

    @mutator
    def edit_issue(
        self,
        /,
        issue: Reference | Issue,
        *,
        by: int | None = None,
        at: Moment = None,
        comment: str = "",
        notify: Sequence[int] = (),
        **fields: Any,
    ) -> Comment | None:
        """Set attributes of an issue (`custom` merges values by field id); return the comment, if
        one was created.
        """
        found, moment = self.issue(issue), self.moment(at)
        author = self.author(by, moment)
        changes = self._apply(found, fields)
        if not changes and not comment:
            if self.switches.empty_patch_moves_updated:
                self._move_updated(found, author, moment)
            return None
        self._move_updated(found, author, moment)
        row = self._add_comment(found, comment, changes, author, moment, notify)
        self._record_update(UPDATED, found, row)
        return row

    @mutator
    def bulk_edit(
        self,
        /,
        issues: Iterable[Reference | Issue],
        *,
        by: int | None = None,
        at: Moment = None,
        comment: str = "",
        **fields: Any,
    ) -> list[Comment]:
        """Set the same attributes on many issues of one project, with a comment for each and one
        activity for all.
        """
        moment = self.moment(at)
        author = self.author(by, moment)
        rows = []
        links = []
        shown: tuple[Change, ...] = ()
        for found in [self.issue(reference) for reference in issues]:
            changes = self._apply(found, dict(fields))
            shown = max(shown, changes, key=len)
            self._move_updated(found, author, moment)
            row = self._add_comment(found, comment, changes, author, moment)
            rows.append(row)
            links.append((found.id, found.key_id, found.summary, row.id))
            project = self.projects[found.project_id]
        if rows:
            self.record(
                BULK_UPDATED,
                project,
                author,
                moment,
                self.new_id("other"),
                comment,
                tuple(links),
                shown,
            )
        return rows

    @mutator
    def delete_issue(
        self, issue: Reference | Issue, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Delete an issue; its child issues lose their parent."""
        found, moment = self.issue(issue), self.moment(at)
        project = self.projects[found.project_id]
        self._leave_parent(found)
        for child in self.children.pop(found.id, set()):
            self.issues[child].parent_id = None
            self.touch(child)
        del self.issues[found.id]
        del project.issues[found.id]
        self.touch(found.id)
        self.record(DELETED, project, self.author(by, moment), moment, found.id, found.key_id)

    @mutator
    def move_issue(
        self,
        issue: Reference | Issue,
        project: Reference,
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> None:
        """Move an issue to another project, with a new key; it loses the values that only the old
        project has.
        """
        found, moment, target = self.issue(issue), self.moment(at), self.project(project)
        del self.projects[found.project_id].issues[found.id]
        found.project_id, found.key_id = target.id, target.next_key
        target.next_key += 1
        target.issues[found.id] = found
        found.type_id = next(iter(target.issue_types))
        found.status_id = found.status_id if found.status_id in target.statuses else 1
        found.category_ids = found.version_ids = found.milestone_ids = ()
        found.custom = {}
        self._move_updated(found, self.author(by, moment), moment)
        row = self._add_comment(found, "", (), found.updated_by, moment)
        self._record_update(UPDATED, found, row)

    @mutator
    def attach(
        self,
        issue: Reference | Issue,
        name: str,
        size: int = 512,
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> Attachment:
        """Attach a file, which changes `updated`."""
        found, moment = self.issue(issue), self.moment(at)
        author = self.author(by, moment)
        attachment = Attachment(self.new_id("other"), name, size, author, moment)
        found.attachments += (attachment,)
        self._move_updated(found, author, moment)
        change = Change("attachment", name, "", name, "", attachment=(attachment.id, name, size))
        self._record_update(UPDATED, found, self._add_comment(found, "", (change,), author, moment))
        return attachment

    @mutator
    def link_file(
        self, issue: Reference | Issue, index: int = 0, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Link a shared file of the project; reported by an activity without a comment."""
        found, moment = self.issue(issue), self.moment(at)
        author = self.author(by, moment)
        found.shared_files += (self.projects[found.project_id].files[index],)
        self._soft_touch(found, author, moment)
        self._record_update(UPDATED, found, None, author, moment)

    @mutator
    def star(self, issue: Reference | Issue, *, by: int | None = None, at: Moment = None) -> Star:
        """Give an issue a star; no activity reports it."""
        found, moment = self.issue(issue), self.moment(at)
        author = self.author(by, moment)
        star = Star(self.new_id("other"), author, moment)
        found.stars += (star,)
        self._soft_touch(found, author, moment)
        return star

    def _new_issue(
        self, project: Reference, summary: str, by: int | None, at: Moment, fields: dict[str, Any]
    ) -> Issue:
        home, moment = self.project(project), self.moment(at)
        author = self.author(by, moment)
        fields.setdefault("type_id", next(iter(home.issue_types)))
        fields.setdefault("description", "")
        issue = Issue(
            id=self.new_id("issue"),
            project_id=home.id,
            key_id=home.next_key,
            summary=summary,
            created_by=author,
            created=moment,
            updated_by=author,
            updated=moment,
            **fields,
        )
        home.next_key += 1
        self.issues[issue.id] = home.issues[issue.id] = issue
        self.issue_ids.append(issue.id)
        self._join_parent(issue)
        self.touch(issue.id)
        return issue

    def _apply(self, issue: Issue, fields: dict[str, Any]) -> tuple[Change, ...]:
        custom: dict[int, FieldValue | None] = fields.pop("custom", {})
        changes = changes_of(self, issue, fields, custom)
        if "parent_id" in fields:
            self._leave_parent(issue)
        for name, value in fields.items():
            setattr(issue, name, value)
        if "parent_id" in fields:
            self._join_parent(issue)
        for field_id, choice in custom.items():
            issue.custom.pop(field_id, None)
            if choice is not None:
                issue.custom[field_id] = choice
        self.touch(issue.id)
        return changes

    def _soft_touch(self, issue: Issue, by: int, at: int) -> None:
        if self.switches.star_moves_updated:
            self._move_updated(issue, by, at)
        self.touch(issue.id)

    def _join_parent(self, issue: Issue) -> None:
        if issue.parent_id is not None:
            self.children.setdefault(issue.parent_id, set()).add(issue.id)
            self.touch(issue.parent_id)

    def _leave_parent(self, issue: Issue) -> None:
        if issue.parent_id is not None:
            self.children.get(issue.parent_id, set()).discard(issue.id)
            self.touch(issue.parent_id)
