-- What waits for a site is asked for at the start of each day, among all the days before.
CREATE INDEX study_not_complete ON study (study_id) WHERE state <> 'complete';
CREATE INDEX reading_task_returned ON reading_task (study_id) WHERE state = 'returned';
