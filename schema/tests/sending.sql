-- case: a_dicom_destination_has_title_host_and_port
-- wants: 23514
INSERT INTO destination (site_id, ae_title, host) VALUES (yq_test.key('site', 'duanfen'), 'X', 'localhost');

-- case: a_destination_is_enabled_once
-- wants: 23505
INSERT INTO destination (site_id, ae_title, host, port) VALUES (yq_test.key('site', 'duanfen'), 'SITE', 'localhost', 104);

-- case: hosts_are_hosts
-- wants: 23514
UPDATE destination SET host = 'x; rm -rf /' WHERE destination_id = yq_test.key('destination', 'duanfen');

-- case: a_delivery_has_one_subject
-- wants: 23514
INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, message, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), '{}', yq_now());

-- case: the_same_thing_is_delivered_once
-- wants: 23505
INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
SELECT yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now()
FROM generate_series(1, 2);

-- case: a_delivery_is_not_delivered_before_it_was_sent
-- wants: YQ409 no transition
INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now());
UPDATE delivery SET state = 'delivered', delivered_at = yq_now() WHERE site_id = yq_test.key('site', 'duanfen');

-- case: what_is_delivered_says_when
-- wants: 23514
INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now());
UPDATE delivery SET state = 'sending' WHERE site_id = yq_test.key('site', 'duanfen');
UPDATE delivery SET state = 'delivered' WHERE site_id = yq_test.key('site', 'duanfen');

-- case: what_is_delivered_is_final
-- wants: YQ409 no transition
INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'), yq_now());
UPDATE delivery SET state = 'sending' WHERE site_id = yq_test.key('site', 'duanfen');
UPDATE delivery SET state = 'delivered', delivered_at = yq_now() WHERE site_id = yq_test.key('site', 'duanfen');
UPDATE delivery SET state = 'cancelled', delivered_at = NULL WHERE site_id = yq_test.key('site', 'duanfen');

-- case: an_object_is_one_item_of_a_delivery
-- wants: 23505
WITH made AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
              VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'),
                      yq_now()) RETURNING delivery_id)
INSERT INTO delivery_item (delivery_id, site_id, instance_id)
SELECT delivery_id, yq_test.key('site', 'duanfen'), yq_test.key('instance', 'duanfen') FROM made, generate_series(1, 2);

-- case: attempts_are_numbered
-- wants: 23505
WITH made AS (INSERT INTO delivery (site_id, destination_id, purpose, report_version_id, deadline_at)
              VALUES (yq_test.key('site', 'duanfen'), yq_test.key('destination', 'duanfen'), 'return', yq_test.key('version', 'duanfen'),
                      yq_now()) RETURNING delivery_id)
INSERT INTO delivery_attempt (delivery_id, site_id, number)
SELECT delivery_id, yq_test.key('site', 'duanfen'), 1 FROM made, generate_series(1, 2);

-- case: a_machine_delivers_and_a_person_opens
-- wants: 23514
INSERT INTO receipt (site_id, report_version_id, kind) VALUES (yq_test.key('site', 'duanfen'), yq_test.key('version', 'duanfen'), 'opened');

-- case: a_receipt_belongs_to_the_site_of_the_report
-- wants: 23503
INSERT INTO receipt (site_id, report_version_id, kind, person_id)
VALUES (yq_test.key('site', 'haiyan'), yq_test.key('version', 'duanfen'), 'opened', yq_test.key('person', 'author'));

-- case: recognition_items_of_a_level_do_not_overlap
-- wants: 23P01
INSERT INTO recognition_item (code, name, scope_level) VALUES ('test', 'a', 'city'), ('test', 'b', 'city');

-- case: a_repeated_examination_has_a_reason
-- wants: 23514
INSERT INTO recognition_look (site_id, study_id, person_id, purpose, verdict, decision, decided_at)
VALUES (yq_test.key('site', 'haiyan'), yq_test.key('study', 'duanfen'), yq_test.key('person', 'neighbour'), 'x', 'recognisable',
        'repeated', yq_now());

-- case: the_sixth_reason_is_in_words
-- wants: 23514
INSERT INTO recognition_look (site_id, study_id, person_id, purpose, verdict, decision, decided_at, repeat_reason)
VALUES (yq_test.key('site', 'haiyan'), yq_test.key('study', 'duanfen'), yq_test.key('person', 'neighbour'), 'x', 'recognisable',
        'repeated', yq_now(), 6);

-- case: one_definition_of_a_figure_is_in_force
-- wants: 23P01
INSERT INTO figure_definition (figure, version, name_zh, name_en, numerator, denominator, in_force)
SELECT 'test_figure', n, 'x', 'x', 'x', 'x', daterange('2026-01-01', NULL) FROM generate_series(1, 2) n;

-- case: a_rollup_names_its_definition
-- wants: 23503
INSERT INTO rollup_site_day (figure, version, site_id, day, numerator, denominator)
VALUES ('no_such', 1, yq_test.key('site', 'duanfen'), '2026-01-01', 0, 0);

-- case: a_month_begins_on_its_first_day
-- wants: 23514
INSERT INTO month_close (community_id, month, figures) VALUES (yq_test.key('community', 'east'), '2026-01-02', '{}');

-- case: a_closed_month_is_frozen
-- wants: YQ403 only added
INSERT INTO month_close (community_id, month, figures) VALUES (yq_test.key('community', 'east'), '2026-01-01', '{}');
UPDATE month_close SET figures = '{"x": 1}';

-- case: an_adjustment_belongs_to_a_closed_month
-- wants: 23503
INSERT INTO month_adjustment (community_id, month, figure, difference, reason)
VALUES (yq_test.key('community', 'east'), '2026-03-01', 'x', '{}', 'x');
