import requests
# Base URL
BASE_URL = "http://localhost:5000/api"
# Create session
session = requests.Session()
# Login
login_response = session.post(f"{BASE_URL}/auth/login", json={
    "username": "admin",
    "password": "admin123"
})
if login_response.status_code == 200:
    print("✅ Login successful")
    # Get projects
    projects_response = session.get(f"{BASE_URL}/projects")
    projects_data = projects_response.json()
    print(f"📋 Found {len(projects_data['data']['projects'])} projects")
    # Create new project
    new_project = {
        "name": "API Integration Project",
        "description": "Testing API integration capabilities",
        "budget": 25000.00,
        "start_date": "2025-07-01",
        "end_date": "2025-09-30"
    }
    create_response = session.post(f"{BASE_URL}/projects", json=new_project)
    if create_response.status_code == 201:
        project_data = create_response.json()
        print(f"✅ Project created with ID: {project_data['data']['project']['id']}")
    else:
        print("❌ Failed to create project")
        print(create_response.json())
else:
    print("❌ Login failed")
    print(login_response.json())
