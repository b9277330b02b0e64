// Login function
async function login(username, password) {
const response = await fetch('/api/auth/login', {
method: 'POST',
headers: {
'Content-Type': 'application/json',
},
credentials: 'include', // Important for session cookies
body: JSON.stringify({ username, password })
});
return response.json();
}
// Get projects
async function getProjects(page = 1, perPage = 10) {
const response = await fetch(`/api/projects?page=${page}&per_page=${perPage}`, {
method: 'GET',
credentials: 'include'
});
return response.json();
}
// Create project
async function createProject(projectData) {
const response = await fetch('/api/projects', {
method: 'POST',
headers: {
'Content-Type': 'application/json',
},
credentials: 'include',
body: JSON.stringify(projectData)
});
return response.json();
}
// Usage example
(async () => {
try {
// Login
const loginResult = await login('admin', 'admin123');
if (loginResult.status === 'success') {
console.log('✅ Login successful');
// Get projects
const projectsResult = await getProjects();
console.log('📋 Projects:', projectsResult.data.projects);
// Create new project
const newProject = {
name: 'Frontend Revamp',
description: 'Complete frontend redesign with modern technologies',
budget: 40000.00
};
const createResult = await createProject(newProject);
if (createResult.status === 'success') {
console.log('✅ Project created:', createResult.data.project);
}
}
} catch (error) {
console.error('❌ API Error:', error);
}
})();
