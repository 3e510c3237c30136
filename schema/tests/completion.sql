-- case: a_transaction_uid_is_one_request_of_a_device
-- wants: 23505 commitment_transaction
INSERT INTO commitment (site_id, device_id, transaction_uid, list_sha256, calling_ae, called_ae, address, instances, linger_until, deadline_at)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('device', 'duanfen'), '1.2.3', sha256('x'), 'DR', 'YQ', '::1', 1, yq_now(), yq_now()
FROM generate_series(1, 2);

-- case: another_list_under_its_uid_is_kept_beside_it
-- wants: ok
INSERT INTO commitment (site_id, device_id, transaction_uid, is_duplicate, list_sha256, calling_ae, called_ae, address, instances,
                        linger_until, deadline_at)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('device', 'duanfen'), '1.2.3', n > 1, sha256('x'), 'DR', 'YQ', '::1', 1, yq_now(),
       yq_now()
FROM generate_series(1, 3) n;

-- case: a_report_under_way_has_a_worker
-- wants: 23514
INSERT INTO commitment (site_id, device_id, transaction_uid, list_sha256, calling_ae, called_ae, address, instances, linger_until, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('device', 'duanfen'), '1.2.3', sha256('x'), 'DR', 'YQ', '::1', 1, yq_now(), yq_now());
UPDATE commitment SET state = 'judged';
UPDATE commitment SET state = 'reporting';

-- case: an_answer_is_not_reported_before_it_is_judged
-- wants: YQ409
INSERT INTO commitment (site_id, device_id, transaction_uid, list_sha256, calling_ae, called_ae, address, instances, linger_until, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('device', 'duanfen'), '1.2.3', sha256('x'), 'DR', 'YQ', '::1', 1, yq_now(), yq_now());
UPDATE commitment SET state = 'reporting', worker = gen_random_uuid(), worker_until = yq_now();

-- case: an_item_belongs_to_a_request_of_its_site
-- wants: 23503
INSERT INTO commitment_item (commitment_id, site_id, ordinal, sop_class_uid, sop_instance_uid)
VALUES (-1, yq_test.key('site', 'duanfen'), 1, '1.2', '1.3');

-- case: a_commitment_speaks_of_studies_of_its_own_site
-- wants: 23503
WITH c AS (
    INSERT INTO commitment (site_id, device_id, transaction_uid, list_sha256, calling_ae, called_ae, address, instances, linger_until,
                            deadline_at)
    VALUES (yq_test.key('site', 'duanfen'), yq_test.key('device', 'duanfen'), '1.2.3', sha256('x'), 'DR', 'YQ', '::1', 1, yq_now(), yq_now())
    RETURNING commitment_id, site_id)
INSERT INTO commitment_study (commitment_id, site_id, study_id)
SELECT c.commitment_id, c.site_id, t.study_id FROM c, reading_task t WHERE t.task_id = yq_test.key('task', 'haiyan');

-- case: what_is_wrong_with_a_commitment_is_a_status
-- wants: 23514
INSERT INTO commitment_item (commitment_id, site_id, ordinal, sop_class_uid, sop_instance_uid, failure_reason)
VALUES (-1, yq_test.key('site', 'duanfen'), 1, '1.2', '1.3', 0);

-- case: a_performed_step_that_ended_is_never_changed
-- wants: YQ409
INSERT INTO mpps (site_id, device_id, sop_instance_uid, state) SELECT site_id, device_id, '1.2.3', 'in_progress' FROM device
WHERE device_id = yq_test.key('device', 'duanfen');
UPDATE mpps SET state = 'completed', ended_at = yq_now();
UPDATE mpps SET state = 'discontinued';

-- case: a_performed_step_begins_in_progress
-- wants: YQ409
INSERT INTO mpps (site_id, device_id, sop_instance_uid, state, ended_at) SELECT site_id, device_id, '1.2.3', 'completed', yq_now()
FROM device WHERE device_id = yq_test.key('device', 'duanfen');

-- case: a_performed_step_lists_an_object_once
-- wants: 23505
WITH m AS (INSERT INTO mpps (site_id, device_id, sop_instance_uid, state) SELECT site_id, device_id, '1.2.3', 'in_progress' FROM device
           WHERE device_id = yq_test.key('device', 'duanfen') RETURNING mpps_id, site_id)
INSERT INTO mpps_image (mpps_id, site_id, sop_instance_uid) SELECT mpps_id, site_id, '1.2.4' FROM m, generate_series(1, 2);

-- case: the_gateway_only_reads_commitments
-- as: yq_gateway
-- wants: 42501 commitment
UPDATE commitment SET last_error = 'x';

-- case: the_gateway_only_reads_performed_steps
-- as: yq_gateway
-- wants: 42501 mpps
UPDATE mpps SET modality = 'x';

-- case: a_device_takes_reports_on_a_port
-- wants: 23514
UPDATE device SET commitment_port = 0 WHERE device_id = yq_test.key('device', 'duanfen');

-- case: a_host_that_lags_holds_all_of_it_back
-- wants: value t f
INSERT INTO host (host_id, name, home, program, version, slots, unplaced_objects, unplaced_bytes, waiting_objects, waiting_bytes,
                  waiting_peak, oldest_at, quarantined_objects, store_path, store_total_bytes, store_free_bytes, store_state,
                  journal_total_bytes, journal_free_bytes, journal_state, known_until)
VALUES (gen_random_uuid(), 'a', '/a', 'yq-storescp', '1', 1, 0, 0, 5, 5, 5, yq_now() - interval '1 h', 0, '/s', 1, 1, 'fine', 1, 1, 'fine',
        yq_now() - interval '1 h');
CREATE TEMP TABLE seen AS SELECT yq_known_until() <= yq_now() - interval '1 h' AS lags;
UPDATE host SET reported_at = yq_now() - interval '2 min';
SELECT concat_ws(' ', lags, yq_known_until() <= yq_now() - interval '1 h') FROM seen;

-- case: a_recheck_is_settled_with_a_reason
-- wants: 23514
INSERT INTO recheck_outcome (task_id, site_id, study_version, reason, settled_by)
SELECT task_id, site_id, 1, '', (SELECT min(person_id) FROM person) FROM reading_task WHERE task_id = yq_test.key('task', 'haiyan');

-- case: what_a_recheck_came_to_is_never_edited
-- wants: YQ403
INSERT INTO recheck_outcome (task_id, site_id, study_version, reason, settled_by)
SELECT task_id, site_id, 1, 'x', (SELECT min(person_id) FROM person) FROM reading_task WHERE task_id = yq_test.key('task', 'haiyan');
UPDATE recheck_outcome SET reason = 'y';

-- case: a_transaction_is_asked_once
-- wants: 23505 transaction_uid
WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
           VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now())
           RETURNING *)
INSERT INTO delivery_commitment (delivery_id, site_id, transaction_uid, our_ae, peer_ae)
SELECT delivery_id, site_id, '2.25.1', 'OURS', 'PACS' FROM d, generate_series(1, 2);

-- case: an_answer_makes_the_delivery_due
-- wants: value t
WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
           VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now())
           RETURNING *)
INSERT INTO delivery_commitment (delivery_id, site_id, transaction_uid, our_ae, peer_ae)
SELECT delivery_id, site_id, '2.25.1', 'OURS', 'PACS' FROM d;
UPDATE delivery SET state = 'sending' WHERE delivery_id = (SELECT delivery_id FROM delivery_commitment);
UPDATE delivery SET state = 'verifying', next_try_at = yq_now() + interval '1 hour' WHERE delivery_id = (SELECT delivery_id FROM delivery_commitment);
UPDATE delivery_commitment SET answered_at = yq_now(), held = '{}';
SELECT next_try_at <= yq_now() FROM delivery WHERE delivery_id = (SELECT delivery_id FROM delivery_commitment);

-- case: an_answer_says_what_is_held
-- wants: 23514
WITH d AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
           VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now())
           RETURNING *)
INSERT INTO delivery_commitment (delivery_id, site_id, transaction_uid, our_ae, peer_ae, answered_at)
SELECT delivery_id, site_id, '2.25.1', 'OURS', 'PACS', yq_now() FROM d;

-- case: the_gateway_only_reads_what_was_asked
-- as: yq_gateway
-- wants: 42501 delivery_commitment
UPDATE delivery_commitment SET held = '{}';
