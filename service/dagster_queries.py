"""What the service asks of Dagster's GraphQL API."""

_FIELDS = (
    "runId jobName status creationTime startTime endTime updateTime tags { key value "
    "} assetSelection { path }"
)
RUNS = f"""
query Runs($filter: RunsFilter!, $limit: Int!, $cursor: String) {{
  runsOrError(filter: $filter, limit: $limit, cursor: $cursor) {{
    __typename
    ... on Runs {{ results {{ {_FIELDS} }} }}
    ... on Error {{ message }}
  }}
}}"""
RUN = f"""
query Run($id: ID!) {{
  runOrError(runId: $id) {{
    __typename
    ... on Run {{ {_FIELDS} }}
    ... on Error {{ message }}
  }}
}}"""
PARTITIONS = """
query Partitions($job: PipelineSelector!, $keys: [AssetKeyInput!]!) {
  assetNodes(pipeline: $job, assetKeys: $keys) { partitionKeysByDimension { name partitionKeys } }
}"""
LAUNCH = """
mutation Launch($params: ExecutionParams!) {
  launchRun(executionParams: $params) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on RunConfigValidationInvalid { errors { message } }
    ... on Error { message }
  }
}"""
TERMINATE = """
mutation Terminate($id: String!, $policy: TerminateRunPolicy!) {
  terminateRun(runId: $id, terminatePolicy: $policy) {
    __typename
    ... on TerminateRunFailure { message }
    ... on Error { message }
  }
}"""
#: Which schedules and sensors are on.
INSTIGATORS = """
query Instigators($repository: RepositorySelector!) {
  repositoryOrError(repositorySelector: $repository) {
    __typename
    ... on Repository {
      schedules { name scheduleState { id status } } sensors { name sensorState { id status } }
    }
    ... on Error { message }
  }
}"""
_SWITCH = "mutation Switch({0}) {{ {1}({2}: $of) {{ __typename ... on Error {{ message }} }} }}"
#: Kind and whether it shall be on -> the mutation that does it, and the query.
SWITCHES = {
    (kind, on): (name, _SWITCH.format(f"$of: {of}!", name, argument))
    for kind, on, name, of, argument in (
        ("schedule", True, "startSchedule", "ScheduleSelector", "scheduleSelector"),
        ("sensor", True, "startSensor", "SensorSelector", "sensorSelector"),
        ("schedule", False, "stopRunningSchedule", "String", "id"),
        ("sensor", False, "stopSensor", "String", "id"),
    )
}
#: What is written in the log of a run.
EVENTS = """
query Events($id: ID!, $after: String) {
  runOrError(runId: $id) {
    __typename
    ... on Run {
      eventConnection(afterCursor: $after, limit: 1000) {
        cursor
        hasMore
        events {
          __typename
          ... on MessageEvent { timestamp level message }
          ... on ExecutionStepFailureEvent {
            error { className message causes { className message } }
            failureMetadata {
              description metadataEntries { label ... on TextMetadataEntry { text } }
            }
          }
          ... on RunFailureEvent { error { className message causes { className message } } }
        }
      }
    }
    ... on Error { message }
  }
}"""
