-- For what somebody looks at a study is asked at each noted look: advice of his on its tasks goes by an index.
CREATE INDEX consultation_task ON consultation (task_id);
