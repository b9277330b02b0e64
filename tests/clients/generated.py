"""What somebody writes on top of a client that was generated from the OpenAPI document."""

import sys

from taskflow_client import Client
from taskflow_client.api.authentication import login, me
from taskflow_client.api.projects import create_project, get_project, list_projects
from taskflow_client.models import (
    Credentials,
    GetProjectResponse200,
    ListProjectsStatus,
    LoginResponse200,
    NewProject,
    ValidationFailed,
)

client = Client(base_url=sys.argv[1])

signed_in = login.sync(client=client, body=Credentials(username="admin", password="admin123"))
assert isinstance(signed_in, LoginResponse200), signed_in
print("signed in as", signed_in.data.user.username, "of", signed_in.data.user.department)
assert me.sync(client=client).data.user.id == signed_in.data.user.id

created = create_project.sync_detailed(
    client=client,
    body=NewProject(name="Made by a generated client", budget=25000.5, start_date="2025-07-01"),
    idempotency_key="generated-1",
)
assert created.status_code == 201, created
project = created.parsed.data.project
print("created project", project.id, "with a budget of", project.budget)

found = get_project.sync(client=client, project_id=project.id)
assert isinstance(found, GetProjectResponse200), found
assert found.data.project.to_dict() == project.to_dict()
assert found.data.project.owner.department == "Management"

page = list_projects.sync(client=client, status=ListProjectsStatus.ACTIVE, per_page=5)
print("listed", [each.name for each in page.data.projects], "of", page.pagination.total)

refused = create_project.sync(client=client, body=NewProject(name=" "))
assert isinstance(refused, ValidationFailed), refused
print("refused:", refused.data.errors.to_dict()["name"][0])
