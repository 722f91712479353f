"""Facts about a space: the licence of its plan, and its disk usage."""

from typing import Any

from simulator.model import Project

Json = dict[str, Any]

#: A paid plan like the sample in the API's reference; a limit of 0 means none.
LICENCE: Json = {
    "active": True,
    "attachmentLimit": 0,
    "attachmentLimitPerFile": 0,
    "attachmentNumLimit": 0,
    "attribute": True,
    "attributeLimit": 0,
    "burndown": True,
    "commentLimit": 0,
    "componentLimit": 0,
    "fileSharing": True,
    "gantt": True,
    "git": True,
    "grandchildIssueEnabled": False,
    "issueLimit": 0,
    "licenceTypeId": 11,
    "nulabAccount": True,
    "parentChildIssue": True,
    "postIssueByMail": True,
    "projectGroup": False,
    "projectLimit": 0,
    "pullRequestAttachmentLimitPerFile": 0,
    "pullRequestAttachmentNumLimit": 0,
    "remoteAddress": True,
    "remoteAddressLimit": 0,
    "storageLimit": 30 * 2**30,
    "subversion": True,
    "subversionExternal": True,
    "userLimit": 0,
    "versionLimit": 0,
    "wikiAttachment": True,
    "wikiAttachmentLimitPerFile": 0,
    "wikiAttachmentNumLimit": 0,
}
#: Kinds of disk usage with a total for the space; `document` is given per project only.
KINDS = ("issue", "wiki", "file", "subversion", "git", "gitLFS")
OLD_KINDS = ("issue", "wiki", "file", "subversion", "git", "pullRequest")


def usage_of(project: Project, kinds: tuple[str, ...]) -> Json:
    """Return the disk usage of a project in bytes, by kind."""
    sizes = dict.fromkeys(kinds, 0)
    sizes["issue"] = sum(
        file.size for issue in project.issues.values() for file in issue.attachments
    )
    sizes["file"] = sum(file.size or 0 for file in project.files)
    return {"projectId": project.id, **sizes}
