"""Which projects the key can see."""

from dataclasses import dataclass

from resources.backlog.client import BacklogClient


@dataclass(frozen=True)
class Project:
    """A project that the key can see."""

    id: int
    key: str
    archived: bool


def visible_projects(client: BacklogClient) -> dict[int, Project]:
    """Return the projects that the key can see, archived ones included, by id; as the client has
    first listed them.

    Raises:
        BacklogError: the projects cannot be listed.
    """
    return {
        int(project["id"]): Project(
            int(project["id"]), str(project["projectKey"]), bool(project.get("archived"))
        )
        for project in client.visible_projects()
    }
