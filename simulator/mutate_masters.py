"""Changes of a project's masters: statuses, issue types, categories, versions, custom fields and
their items.
"""

from collections.abc import Sequence
from typing import Any

from simulator.masters import LIST_KINDS, Category, CustomField, IssueType, Item, Status, Version
from simulator.state import Moment, Reference, State, mutator

MILESTONE_CREATED, MILESTONE_UPDATED, MILESTONE_DELETED, STATUS_DELETED = 22, 23, 24, 34


class MasterMutators(State):
    """Actions on the masters of a project."""

    @mutator
    def add_status(self, project: Reference, name: str, color: str = "#3b9dbd") -> Status:
        """Add a status of the project; it gets a large id."""
        found = self.project(project)
        status = Status(self.new_id("status"), name, color, len(found.statuses) * 1000 + 500)
        found.statuses[status.id] = status
        return status

    @mutator
    def rename_status(self, project: Reference, status: int, name: str) -> None:
        """Rename a status."""
        self.project(project).statuses[status].name = name

    @mutator
    def delete_status(
        self,
        project: Reference,
        status: int,
        substitute: int,
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> None:
        """Delete a status; its issues get the substitute."""
        found, moment = self.project(project), self.moment(at)
        gone = found.statuses.pop(status)
        moved = [issue for issue in found.issues.values() if issue.status_id == status]
        author = self.author(by, moment)
        for issue in moved:
            issue.status_id, issue.updated, issue.updated_by = substitute, moment, author
            self.touch(issue.id)
        links = tuple((issue.id, issue.key_id, issue.summary) for issue in moved)
        self.record(STATUS_DELETED, found, author, moment, gone.name, links, substitute)

    @mutator
    def add_issue_type(
        self,
        project: Reference,
        name: str,
        color: str = "#7ea800",
        *,
        template: tuple[str, str] | None = None,
    ) -> IssueType:
        """Add an issue type, optionally with templates for summary and description."""
        found = self.project(project)
        summary, description = template or (None, None)
        made = IssueType(
            self.new_id("other"), name, color, len(found.issue_types), summary, description
        )
        found.issue_types[made.id] = made
        return made

    @mutator
    def rename_issue_type(self, project: Reference, issue_type: int, name: str) -> None:
        """Rename an issue type."""
        self.project(project).issue_types[issue_type].name = name
        self.touch_all()

    @mutator
    def delete_issue_type(self, project: Reference, issue_type: int, substitute: int) -> None:
        """Delete an issue type; its issues get the substitute."""
        found = self.project(project)
        del found.issue_types[issue_type]
        for issue in found.issues.values():
            if issue.type_id == issue_type:
                issue.type_id = substitute
        self.touch_all()

    @mutator
    def add_category(self, project: Reference, name: str) -> Category:
        """Add a category."""
        category = Category(self.new_id("other"), name, 2_147_483_646)
        self.project(project).categories[category.id] = category
        return category

    @mutator
    def rename_category(self, project: Reference, category: int, name: str) -> None:
        """Rename a category."""
        self.project(project).categories[category].name = name
        self.touch_all()

    @mutator
    def delete_category(self, project: Reference, category: int) -> None:
        """Delete a category; issues lose it."""
        found = self.project(project)
        del found.categories[category]
        for issue in found.issues.values():
            issue.category_ids = tuple(one for one in issue.category_ids if one != category)
        self.touch_all()

    @mutator
    def add_version(
        self,
        project: Reference,
        name: str,
        *,
        description: str | None = None,
        start: str | None = None,
        due: str | None = None,
        by: int | None = None,
        at: Moment = None,
    ) -> Version:
        """Add a version, which is also a milestone."""
        found, moment = self.project(project), self.moment(at)
        version = Version(
            self.new_id("other"), name, description, start, due, False, len(found.versions)
        )
        found.versions[version.id] = version
        author = self.author(by, moment)
        self.record(
            MILESTONE_CREATED, found, author, moment, version.id, name, start, due, description
        )
        return version

    @mutator
    def rename_version(
        self,
        project: Reference,
        version: int,
        name: str,
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> None:
        """Rename a version."""
        found, moment = self.project(project), self.moment(at)
        one = found.versions[version]
        changes = (("name", name, one.name),)
        one.name = name
        self.touch_all()
        self.record(
            MILESTONE_UPDATED, found, self.author(by, moment), moment, one.id, name, changes
        )

    @mutator
    def reschedule_version(
        self,
        project: Reference,
        version: int,
        due: str,
        *,
        by: int | None = None,
        at: Moment = None,
    ) -> None:
        """Change the end of a version."""
        found, moment = self.project(project), self.moment(at)
        one = found.versions[version]
        changes = (("reference_date", due, one.due or ""),)
        one.due = due
        self.record(
            MILESTONE_UPDATED, found, self.author(by, moment), moment, one.id, one.name, changes
        )

    @mutator
    def archive_version(self, project: Reference, version: int, archived: bool = True) -> None:
        """Archive a version, or undo it."""
        self.project(project).versions[version].archived = archived

    @mutator
    def delete_version(
        self, project: Reference, version: int, *, by: int | None = None, at: Moment = None
    ) -> None:
        """Delete a version; issues lose it."""
        found, moment = self.project(project), self.moment(at)
        gone = found.versions.pop(version)
        for issue in found.issues.values():
            issue.version_ids = tuple(one for one in issue.version_ids if one != version)
            issue.milestone_ids = tuple(one for one in issue.milestone_ids if one != version)
        self.touch_all()
        author = self.author(by, moment)
        self.record(
            MILESTONE_DELETED,
            found,
            author,
            moment,
            gone.id,
            gone.name,
            gone.start,
            gone.due,
            gone.description,
        )

    @mutator
    def add_field(
        self,
        /,
        project: Reference,
        kind: int,
        name: str,
        *,
        description: str = "",
        required: bool = False,
        issue_types: Sequence[int] = (),
        items: Sequence[str] = (),
        **extra: Any,
    ) -> CustomField:
        """Add a custom field; `items` are for kinds 5 to 8, `extra` for what is specific to its
        kind (camelCase names).
        """
        found = self.project(project)
        made = CustomField(
            self.new_id("other"),
            kind,
            name,
            description,
            required,
            list(issue_types),
            len(found.fields),
            extra=extra,
        )
        if kind in LIST_KINDS:
            made.items = {
                number: Item(number, text, number - 1) for number, text in enumerate(items, 1)
            }
        found.fields[made.id] = made
        return made

    @mutator
    def rename_item(self, project: Reference, custom_field: int, item: int, name: str) -> None:
        """Rename a list item; existing issues show the new name without a change of their own."""
        self.project(project).fields[custom_field].items[item].name = name

    @mutator
    def delete_item(self, project: Reference, custom_field: int, item: int) -> None:
        """Remove a list item; a switch decides what existing issues then show."""
        self.project(project).fields[custom_field].items[item].removed = True

    @mutator
    def delete_field(self, project: Reference, custom_field: int) -> None:
        """Delete a custom field; issues lose its values."""
        found = self.project(project)
        del found.fields[custom_field]
        for issue in found.issues.values():
            issue.custom.pop(custom_field, None)
        self.touch_all()
