"""What administrators do: masters, custom fields, users, members, projects. Most of it moves
`updated` of no issue.
"""

from simulator.masters import LIST_KINDS
from tests.integration.exactness.choices import Choices


class Administrators(Choices):
    """Those who set up a space and its projects."""

    def master_added(self) -> None:
        """Add a status, an issue type, a category or a milestone."""
        home = self.home()
        world = self.world
        if len(home.statuses) < 12 and self.rng.random() < 0.3:
            world.add_status(home.id, self.name("状態 "))
        else:
            add = self.rng.choice((world.add_issue_type, world.add_category, world.add_version))
            add(home.id, self.name("Kind "))

    def master_renamed(self) -> None:
        """Rename a master; issues show the new name at once, and nothing about them has changed."""
        home, world = self.home(), self.world
        rename, masters = self.rng.choice(
            (
                (world.rename_status, home.statuses),
                (world.rename_issue_type, home.issue_types),
                (world.rename_category, home.categories),
                (world.rename_version, home.versions),
            )
        )
        if masters:
            rename(home.id, self.any(masters), self.name("Renamed "))

    def master_deleted(self) -> None:
        """Delete an issue type, a category or a milestone: issues lose it, and nothing tells of
        that.
        """
        home, world = self.home(), self.world
        kind = self.rng.randrange(3)
        if kind == 0 and len(home.issue_types) > 1:
            gone, substitute = self.some(home.issue_types, 2)
            self.hush(home, lambda issue: issue.type_id == gone)
            world.delete_issue_type(home.id, gone, substitute)
        elif kind == 1 and home.categories:
            gone = self.any(home.categories)
            self.hush(home, lambda issue: gone in issue.category_ids)
            world.delete_category(home.id, gone)
        elif kind == 2 and home.versions:
            gone = self.any(home.versions)
            self.hush(home, lambda issue: gone in (*issue.version_ids, *issue.milestone_ids))
            world.delete_version(home.id, gone)

    def status_deleted(self) -> None:
        """Delete a status of a project's own and give its issues another."""
        home = self.home()
        own = [status for status in home.statuses if status > 4]
        if own:
            gone = self.rng.choice(own)
            self.world.delete_status(
                home.id, gone, self.any([one for one in home.statuses if one != gone])
            )

    def custom_field(self) -> None:
        """Rename or remove an item of a list field, or delete a field."""
        home = self.home()
        lists = [one for one in home.fields.values() if one.kind in LIST_KINDS]
        if lists and self.rng.random() < 0.8:
            chosen = self.rng.choice(lists)
            items = [item.id for item in chosen.items.values() if not item.removed]
            if self.rng.random() < 0.5 and items:
                self.world.rename_item(
                    home.id, chosen.id, self.rng.choice(items), self.name("選択 ")
                )
            elif len(items) > 1:
                self.hush(home, lambda issue: chosen.id in issue.custom)
                self.world.delete_item(home.id, chosen.id, self.rng.choice(items))
        elif len(home.fields) > 4:
            gone = self.any(home.fields)
            self.hush(home, lambda issue: gone in issue.custom)
            self.world.delete_field(home.id, gone)

    # -- users and projects ------------------------------------------------------------------------

    def user(self) -> None:
        """Add, rename or close an account, or let somebody log in."""
        others = [
            one.id
            for one in self.world.users.values()
            if one.id != self.world.administrator.id and not one.closed
        ]
        draw = self.rng.random()
        if draw < 0.3:
            self.world.rename_user(self.any(self.world.users), self.name("名前 "))
        elif draw < 0.5:
            self.world.add_user(self.name("新人 "))
        elif draw < 0.6 and len(others) > 4:
            self.world.delete_user(self.rng.choice(others))
        else:
            self.world.log_in(self.any(self.world.users))

    def membership(self) -> None:
        """Let somebody join or leave a project."""
        home = self.home()
        others = [
            one.id
            for one in self.world.users.values()
            if one.id != self.world.administrator.id and not one.closed
        ]
        chosen = self.rng.choice(others)
        if chosen in home.members:
            self.world.remove_member(home.id, chosen)
        else:
            self.world.add_member(home.id, chosen)

    def project_renamed(self) -> None:
        """Give a project another key or name."""
        self._serial += 1
        home = self.home()
        if self.rng.random() < 0.6:
            self.world.rename_project(home.id, key=f"K{self._serial}")
        else:
            self.world.rename_project(home.id, name=self.name("案件 "))

    def project_archived(self) -> None:
        """Archive a project, or take one back."""
        archived = [one for one in self.world.projects.values() if one.archived]
        if archived and (len(self.active()) < 3 or self.rng.random() < 0.6):
            self.world.archive_project(self.rng.choice(archived).id, archived=False)
        elif len(self.active()) > 2:
            self.world.archive_project(self.home().id)

    def project_added(self) -> None:
        """Add a project with some issues."""
        if len(self.world.projects) < 6:
            self._serial += 1
            made = self.world.add_project(f"N{self._serial}", self.name("新しい案件 "))
            self.world.import_issues(made.id, 3)
            self.world.add_category(made.id, self.name("Category "))

    def access(self) -> None:
        """Take the owner, whose key reads the space, out of a project, or let the owner back in."""
        owner = self.world.administrator.id
        hidden = [one for one in self.world.projects.values() if not self.seen(one)]
        open_ = [one for one in self.active() if owner in one.members and not any(
            owner in self.world.teams[team].members for team in one.teams
        )]  # fmt: skip
        if hidden:
            back = self.rng.choice(hidden)
            since = self.hidden_since.get(back.id, 0)
            self.unseen.update(
                row.id
                for issue in back.issues.values()
                for row in issue.comments
                if row.created >= since
            )
            self.world.add_member(back.id, owner)
        elif len(open_) > 2:
            gone = self.rng.choice(open_).id
            self.hidden_since[gone] = int(self.world.clock.now())
            self.silence.named.update(self.left[gone])
            self.world.remove_member(gone, owner)
