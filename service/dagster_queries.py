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
CAUSES = """
query Causes($id: ID!, $after: String) {
  runOrError(runId: $id) {
    __typename
    ... on Run {
      eventConnection(afterCursor: $after, limit: 1000) {
        cursor
        hasMore
        events {
          __typename
          ... on ExecutionStepFailureEvent {
            error { message causes { message } } failureMetadata { description }
          }
          ... on RunFailureEvent { message error { message causes { message } } }
        }
      }
    }
    ... on Error { message }
  }
}"""
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
      schedules { name scheduleState { status } } sensors { name sensorState { status } }
    }
    ... on Error { message }
  }
}"""
