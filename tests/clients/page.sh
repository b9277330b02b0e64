# Login
curl -X POST http://localhost:5000/api/auth/login \
-H "Content-Type: application/json" \
-d '{"username": "admin", "password": "admin123"}' \
-c cookies.txt
# Get projects (using saved session)
curl -X GET http://localhost:5000/api/projects \
-b cookies.txt
# Create project
curl -X POST http://localhost:5000/api/projects \
-H "Content-Type: application/json" \
-b cookies.txt \
-d '{
"name": "API Test Project",
"description": "Testing project creation via API",
"budget": 10000.00
}'
