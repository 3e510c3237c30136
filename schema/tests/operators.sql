-- case: an_operator_adds_and_removes_destinations_of_the_own_sites
-- as: yq_gateway
-- person: keeper
-- wants: value 1
WITH added AS (INSERT INTO destination (site_id, protocol, url) VALUES (yq_test.key('site', 'duanfen'), 'stow', 'https://pacs.example/') RETURNING 1)
SELECT count(*) FROM added;

-- case: an_operator_adds_no_destination_elsewhere
-- as: yq_gateway
-- person: radiographer
-- wants: 42501
INSERT INTO destination (site_id, protocol, url) VALUES (yq_test.key('site', 'duanfen'), 'stow', 'https://pacs.example/');

-- case: nobody_but_an_operator_removes_a_destination
-- as: yq_gateway
-- person: radiographer
-- wants: value 0
WITH gone AS (DELETE FROM destination RETURNING 1) SELECT count(*) FROM gone;

-- case: a_destination_with_deliveries_stays
-- as: yq_gateway
-- person: keeper
-- wants: 23503
INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
SELECT site_id, destination_id, 'notify', '{}', yq_now() FROM destination WHERE destination_id = yq_test.key('destination', 'duanfen');
DELETE FROM destination WHERE destination_id = yq_test.key('destination', 'duanfen');

-- case: times_are_counted_by_whoever_settles
-- as: yq_router
-- wants: ok
INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
SELECT site_id, destination_id, 'notify', '{"n": "counted"}', yq_now() FROM destination WHERE destination_id = yq_test.key('destination', 'duanfen');
UPDATE delivery SET state = 'sending' WHERE message->>'n' = 'counted';
INSERT INTO delivery_attempt (delivery_id, site_id, number) SELECT delivery_id, site_id, 1 FROM delivery WHERE message->>'n' = 'counted';
UPDATE delivery_attempt SET ended_at = yq_now(), outcome = 'confirmed' WHERE ended_at IS NULL;
UPDATE delivery SET state = 'delivered', delivered_at = yq_now() WHERE message->>'n' = 'counted';

-- case: a_delivery_leaves_its_wait_its_try_and_its_whole_time
-- wants: value attempt dicom confirmed|delivery dicom delivered|wait dicom 2
DELETE FROM delivery_observation;
INSERT INTO delivery (site_id, destination_id, purpose, message, deadline_at)
SELECT site_id, destination_id, 'notify', '{"n": "counted"}', yq_now() FROM destination WHERE destination_id = yq_test.key('destination', 'duanfen');
UPDATE delivery SET state = 'sending' WHERE message->>'n' = 'counted';
INSERT INTO delivery_attempt (delivery_id, site_id, number) SELECT delivery_id, site_id, 1 FROM delivery WHERE message->>'n' = 'counted';
UPDATE delivery_attempt t SET ended_at = yq_now(), outcome = 'confirmed' FROM delivery d WHERE d.delivery_id = t.delivery_id AND d.message->>'n' = 'counted';
UPDATE delivery SET state = 'delivered', delivered_at = yq_now() WHERE message->>'n' = 'counted';
SELECT string_agg(concat_ws(' ', measure, protocol, label), '|' ORDER BY measure) FROM delivery_observation;

-- case: nothing_else_is_measured
-- wants: 23514
INSERT INTO delivery_observation (measure, protocol, label, bucket, seconds) VALUES ('mood', 'dicom', 'good', 0, 0);

-- case: the_gateway_sees_the_queues_of_every_destination_without_patients
-- as: yq_gateway
-- wants: value 4
SELECT count(*) FROM yq_destination_gauges() WHERE name = 'destination_waiting' AND labels->>'id' = (SELECT min(labels->>'id') FROM yq_destination_gauges());

-- case: the_receiver_has_no_business_with_them
-- as: yq_storescp
-- wants: 42501
SELECT count(*) FROM yq_destination_gauges();

-- case: no_program_counts_by_itself
-- as: yq_router
-- wants: 42501
INSERT INTO delivery_observation (measure, protocol, label, bucket, seconds) VALUES ('attempt', 'dicom', 'confirmed', 0, 0);

-- case: no_program_writes_histograms
-- as: yq_gateway
-- wants: 42501
UPDATE delivery_histogram SET count = 0;

-- case: a_histogram_is_the_same_before_and_after_it_is_added_up
-- wants: value 0.3 1|1 2|+Inf 3 5.5
DELETE FROM delivery_observation;
DELETE FROM delivery_histogram;
INSERT INTO delivery_observation (measure, protocol, label, bucket, seconds) VALUES ('wait', 'stow', '0', 1, 0.25);
SELECT yq_delivery_fold();
INSERT INTO delivery_observation (measure, protocol, label, bucket, seconds) VALUES ('wait', 'stow', '0', 2, 1.0), ('wait', 'stow', '0', 4, 4.25);
SELECT string_agg(le || ' ' || count || CASE WHEN is_last THEN ' ' || seconds ELSE '' END, '|')
FROM yq_delivery_histograms() WHERE le IN ('0.3', '1', '+Inf');
