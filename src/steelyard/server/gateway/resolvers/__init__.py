"""Type name -> field name -> function. One module per type or family of mutations."""

from steelyard.server.gateway.context import Fields
from steelyard.server.gateway.resolvers import (
    account_mutations,
    entity,
    file,
    file_mutations,
    project,
    query,
    run,
    run_mutations,
    server_info,
    streams,
    user,
)

RESOLVERS: dict[str, Fields] = {
    "Query": query.QUERY,
    "Mutation": run_mutations.MUTATION | file_mutations.MUTATION | account_mutations.MUTATION,
    "ServerInfo": server_info.SERVER_INFO,
    "User": user.USER,
    "ApiKey": user.API_KEY,
    "Entity": entity.ENTITY,
    "Member": entity.MEMBER,
    "Organization": entity.ORGANIZATION,
    "Project": project.PROJECT,
    "Run": run.RUN | streams.RUN,
    "LogLine": streams.LOG_LINE,
    "File": file.FILE,
}
