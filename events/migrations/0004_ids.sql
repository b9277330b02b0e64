-- Ids of things: never reused, gaps allowed.
create sequence user_ids;
create sequence department_ids;
create sequence project_ids;
create sequence task_ids;
create sequence risk_ids;
create sequence expense_ids;
create sequence tag_ids;
