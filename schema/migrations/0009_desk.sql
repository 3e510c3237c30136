-- The desk of who reads: indexes for its lists.

CREATE INDEX reading_task_open ON reading_task (site_id) WHERE state NOT IN ('done', 'cancelled');
CREATE INDEX reading_task_holder ON reading_task (holder_id) WHERE holder_id IS NOT NULL;
CREATE INDEX task_assignment_task ON task_assignment (task_id);
CREATE INDEX report_remark_version ON report_remark (report_version_id);
