"""Every document of the installed official client is either served or named as another's work."""

from __future__ import annotations

from pathlib import Path

import pytest
import wandb
from graphql import parse, validate

from steelyard.server.gateway.graphql import SCHEMA
from tests.support.client_documents import ClientDocument, list_documents

SERVED = frozenset(
    """
    AddAliases AddArtifactCollectionTags ArtifactByID ArtifactCollectionAliases ArtifactCreatedBy
    ArtifactFileURLsByManifestEntries ArtifactManifest ArtifactMembershipByName
    ArtifactMembershipFiles ArtifactOfType ArtifactType ArtifactTypeArtifactCollections
    ArtifactUsedBy ClientIDMapping CommitArtifact CompleteMultipartUploadArtifact CreateAgent
    CreateArtifact CreateArtifactFiles CreateArtifactManifest CreateInvite CreateProject
    CreateRunFiles CreateServiceAccount CreateTeam CreateUserFromAdmin DeleteAliases DeleteApiKey
    DeleteArtifact DeleteArtifactCollectionTags DeleteArtifactPortfolio DeleteArtifactSequence
    DeleteInvite DeleteRun EnqueueSweepRun EntityIsTeam FetchArtifactDigestAlgorithm
    FetchArtifactManifest
    FetchLinkedArtifacts FetchOrgEntityFromEntity FetchOrgInfoFromEntity FetchOrganization
    GenerateApiKey GetAgentRuns GetArtifactMembershipFileUrls GetDefaultEntity GetProject
    GetProjects GetSweep GetSweepAgent GetSweepAgents GetSweepLegacy GetSweepState GetSweeps
    GetTeamEntity GetViewer Heartbeat HistoryPage IsProjectReadOnly LinkArtifact
    MarkRunFilesUploaded NotifyScriptableRunAlert OrgFeatureFlags
    OrganizationCoreWeaveOrganizationID Project ProjectArtifactCollection ProjectArtifactCollections
    ProjectArtifactType ProjectArtifactTypes ProjectArtifacts ProjectViews QueryRunInfo RewindRun
    Run RunConsoleLogPage RunConsoleLogTail RunFiles RunFullHistory RunHistoryKeys RunInputArtifacts
    RunOutputArtifacts RunParquetHistory RunResumeStatus RunSampledHistory RunState RunStoppedStatus
    Runs SampledHistoryPage SearchUsers ServerFeaturesQuery ServerInfo StopRun SweepWithRuns
    UnlinkArtifact UpdateArtifact UpdateArtifactManifest UpdateArtifactPortfolio
    UpdateArtifactSequence UpdateArtifactSequenceType UpdateRunState UpsertBucket UpsertSweep
    UseArtifact Viewer XXHashDigestsEnabled deleteFiles
    """.split()  # noqa: SIM905  # names, not code
)

#: What the client puts into a text before it sends it. wandb 0.31.0 apis/public/sweeps.py
FILLED_IN = {"_PROJECT_QUERY_": "project { id name entity { id name } }"}


def filled(text: str) -> str:
    for name, value in FILLED_IN.items():
        text = text.replace(name, value)
    return text


#: Room that will serve them -> operations.
LATER = {
    "registry": """
        CreateRegistryMembers DeleteRegistry DeleteRegistryMembers FetchAdvancedRegistryFeatures
        FetchRegistries FetchRegistry RegistryCollections RegistryTeamMembers RegistryUserMembers
        RegistryVersions RenameRegistry UpdateTeamRegistryRole UpdateUserRegistryRole
        UpsertRegistry
    """,
    "schedulers of sweeps in the client": """
        SweepConfig SweepRunsWithHistory SweepWatchedRuns UpsertSweepState
    """,
    "queues": """
        CreateDefaultResourceConfig CreateRunQueue DeleteFromRunQueue DeleteRunQueue
        GetDefaultResourceConfig GetRunQueueItem GetRunQueueItems GetRunQueueMetadata LaunchAgent
        ProjectRunQueues UpsertRunQueue ackRunQueueItem createLaunchAgent failRunQueueItem
        fetchRunQueuesFromProject popFromRunQueue pushToRunQueue pushToRunQueueByName
        updateLaunchAgent updateRunQueueItemWarning
    """,
    "automations": """
        CreateAutomation CreateGenericWebhookIntegration DeleteAutomation GetAutomationsLegacy
        GetEntityAutomations GetEntityAutomationsLegacy GetOrgAutomations IntegrationsByEntity
        UpdateAutomation
    """,
    "evals": "EvalTableProjectScope",
    "reports": "CreateCustomChart",
}


@pytest.fixture(scope="module")
def documents() -> list[ClientDocument]:
    return list_documents(Path(wandb.__file__).parent)


def test_every_document_of_a_served_operation_is_valid(documents: list[ClientDocument]) -> None:
    problems = {
        f"{document.operation} ({document.place})": [error.message for error in found]
        for document in documents
        if document.operation in SERVED
        if (found := validate(SCHEMA, parse(filled(document.text))))
    }
    assert problems == {}


def test_every_operation_is_served_or_named_as_another_rooms_work(
    documents: list[ClientDocument],
) -> None:
    later = {name for names in LATER.values() for name in names.split()}
    found = {document.operation for document in documents}
    assert found - SERVED - later == set(), "operations nobody looked at"
    assert SERVED & later == set(), "served, so no longer work for later"


def test_the_tables_name_only_operations_that_the_client_has(
    documents: list[ClientDocument],
) -> None:
    named = SERVED | {name for names in LATER.values() for name in names.split()}
    assert named - {document.operation for document in documents} == set()


def test_both_halves_of_the_client_are_read(documents: list[ClientDocument]) -> None:
    places = {document.place for document in documents}
    assert "wandb-core" in places
    assert "apis/public/runs.py" in places
    assert len([each for each in documents if each.operation == "UpsertBucket"]) == 4
