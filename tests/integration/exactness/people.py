"""People at work: bursts of random changes of every kind that a simulated space knows, and a note
of those that nothing tells of.

All choices come from the generator of a burst, so the same seeds make the same changes. Names are
never used twice, so that a name in a change log can mean one thing only.
"""

from collections.abc import Callable, Collection
from random import Random

from simulator import World
from tests.integration.exactness.administrators import Administrators

#: More issues than this are not made; a check compares all of them.
MOST_ISSUES = 260


class People(Administrators):
    """Those who work in a space. `kinds` narrows what they do; `count` is how many changes they
    have made.
    """

    def __init__(self, world: World, kinds: Collection[str] = ()) -> None:
        super().__init__(world)
        self.count = 0
        self._actions = [
            (weight, action)
            for name, (weight, action) in self.kinds().items()
            if not kinds or name in kinds
        ]

    def kinds(self) -> dict[str, tuple[int, Callable[[], None]]]:
        """Return every kind of change: name -> how often, and what is done."""
        return {
            "create": (14, self.create),
            "edit": (30, self.edit),
            "bulk_edit": (4, self.bulk_edit),
            "import": (2, self.bulk_import),
            "delete": (6, self.delete),
            "move": (3, self.move),
            "comment": (14, self.comment),
            "edit_comment": (4, self.edit_comment),
            "delete_comment": (4, self.delete_comment),
            "star": (4, self.star),
            "link_file": (3, self.link_file),
            "attach": (4, self.attach),
            "notify": (3, self.notify),
            "empty_edit": (2, self.empty_edit),
            "master_added": (3, self.master_added),
            "master_renamed": (3, self.master_renamed),
            "master_deleted": (2, self.master_deleted),
            "status_deleted": (1, self.status_deleted),
            "custom_field": (2, self.custom_field),
            "user": (2, self.user),
            "membership": (2, self.membership),
            "project_renamed": (1, self.project_renamed),
            "project_archived": (1, self.project_archived),
            "project_added": (1, self.project_added),
            "access": (1, self.access),
        }

    def burst(self, count: int, seed: int) -> None:
        """Make `count` changes, at the moment that the space's clock shows."""
        self.rng = Random(seed)  # noqa: S311 - data, not secrets
        weights = [weight for weight, _ in self._actions]
        with self.world.lock:
            for _ in range(count):
                self.rng.choices(self._actions, weights)[0][1]()
                self.count += 1

    # -- issues ------------------------------------------------------------------------------------

    def create(self) -> None:
        """Create an issue, now and then as a child and with somebody notified."""
        home = self.home()
        notify = tuple(self.some(home.members, 1)) if self.rng.random() < 0.2 else ()
        parent = self.parent(home) if self.rng.random() < 0.2 else None
        if len(self.world.issues) < MOST_ISSUES:
            fields = self.changed(home, None) | ({"parent_id": parent} if parent else {})
            self.world.create_issue(
                home.id, summary=self.name("Issue"), by=self.one(home), notify=notify, **fields
            )

    def edit(self) -> None:
        """Change some fields of an issue, with a remark or without."""
        if (found := self.issue()) is not None:
            home = self.world.projects[found.project_id]
            said = self.name("見て 👀") if self.rng.random() < 0.3 else ""
            fields = self.changed(home, found)
            if self.rng.random() < 0.15 and not self.world.children.get(found.id):
                fields["parent_id"] = self.parent(home, found.id)
            self.world.edit_issue(found, by=self.one(home), comment=said, **fields)

    def bulk_edit(self) -> None:
        """Change many issues of a project at once."""
        home = self.home()
        chosen = self.some(home.issues.values(), self.rng.choice((2, 5, 20, 120)))
        fields = self.rng.choice(
            (
                {"priority_id": self.rng.choice((2, 3, 4))},
                {"due_date": self.day()},
                {"status_id": self.any(home.statuses)},
            )
        )
        if chosen:
            self.world.bulk_edit(chosen, by=self.one(home), **fields)

    def bulk_import(self) -> None:
        """Import issues, all in one second."""
        count = min(self.rng.choice((3, 30, 110)), MOST_ISSUES - len(self.world.issues))
        if count > 0:
            home = self.home()
            self.world.import_issues(
                home.id, count, by=self.one(home), description=self.name("CSV\r\n")
            )

    def delete(self) -> None:
        """Delete an issue; its children are on their own then, and nothing but the deletion tells
        of that.
        """
        if (found := self.issue()) is not None:
            self.world.delete_issue(found)

    def move(self) -> None:
        """Move an issue to another project."""
        found = self.issue()
        homes = [
            one
            for one in self.active()
            if self.seen(one) and found is not None and one.id != found.project_id
        ]
        if found is not None and homes and self.seen(self.world.projects[found.project_id]):
            trimmed = self.world.switches.activity_retention_days
            self.silence.named.update(
                row.id for row in found.comments if trimmed or row.id in self.unseen
            )
            self.left[found.project_id].update(row.id for row in found.comments)
            self.world.move_issue(found, self.rng.choice(homes).id)

    def link_file(self) -> None:
        """Link a shared file to an issue."""
        found = self.issue()
        if found is not None and self.world.projects[found.project_id].files:
            self.world.link_file(
                found, self.rng.randrange(len(self.world.projects[found.project_id].files))
            )

    def attach(self) -> None:
        """Attach a file to an issue."""
        if (found := self.issue()) is not None:
            self.world.attach(found, self.name("図 ") + ".png", self.rng.randrange(1, 9_999))

    def empty_edit(self) -> None:
        """Save an issue without a change."""
        if (found := self.issue()) is not None:
            self.world.edit_issue(found)

    def star(self) -> None:
        """Give a star to an issue or a comment."""
        if (row := self.spoken()) is not None and self.rng.random() < 0.5:
            self.world.star_comment(row)
            self.silence.comments.add(row.id)
        elif (found := self.issue()) is not None:
            self.world.star(found)
            if not self.world.switches.star_moves_updated:
                self.silence.issues.add(found.id)

    # -- comments ----------------------------------------------------------------------------------

    def comment(self) -> None:
        """Say something."""
        if (found := self.issue()) is not None:
            home = self.world.projects[found.project_id]
            notify = tuple(self.some(home.members, 2)) if self.rng.random() < 0.3 else ()
            self.world.comment(found, self.name("コメント\r\n"), by=self.one(home), notify=notify)

    def edit_comment(self) -> None:
        """Rewrite a comment."""
        if (row := self.spoken()) is not None:
            self.world.edit_comment(row, self.name("追記 "))
            self.silence.comments.add(row.id)

    def delete_comment(self) -> None:
        """Take a comment back."""
        if (row := self.spoken()) is not None:
            self.world.delete_comment(row)
            self.silence.comments.add(row.id)

    def notify(self) -> None:
        """Tell somebody of a comment."""
        if (row := self.spoken()) is not None:
            self.world.notify(row, [self.any(self.world.users)])
