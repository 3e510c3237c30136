-- case: two_devices_of_which_neither_says_more_are_refused
-- wants: YQ409 neither says more
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.1');
INSERT INTO device (site_id, calling_ae, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', 11113);

-- case: nested_ones_are_fine
-- wants: ok
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.0/24');
INSERT INTO device (site_id, calling_ae, address, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', '192.0.2.1', 11113);
INSERT INTO device (site_id, calling_ae, called_ae, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', 'OTHER', 11113);

-- case: a_disabled_one_is_compared_when_it_is_enabled
-- wants: YQ409 neither says more
INSERT INTO device (site_id, calling_ae, address, is_enabled) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.1', false);
INSERT INTO device (site_id, calling_ae, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', 11113);
UPDATE device SET is_enabled = true WHERE calling_ae = 'TWIN';

-- case: a_device_is_silent_once_at_a_time
-- wants: 23505 device_silence_open
INSERT INTO device_silence (device_id, last_image_at, due_at) SELECT yq_test.key('device', 'duanfen'), yq_now(), yq_now() FROM generate_series(1, 2);

-- case: a_clock_in_words
-- wants: value right/8 h slow/26 years slow (says 2000)/3 days fast//-
SELECT concat_ws('/', yq_clock_words('-4 min', '2026-11-28'), yq_clock_words('-8 h', '2026-11-28'), yq_clock_words('-9828 days', '2026-11-28'),
                 yq_clock_words('3 days 2 h', '2026-11-28'), yq_clock_words(NULL, NULL), '-');

-- case: a_decision_says_why_it_waits
-- wants: 23514
INSERT INTO match_decision (site_id, study_id, rule_version, outcome) SELECT site_id, study_id, 2, 'waiting' FROM study LIMIT 1;

-- case: decisions_are_seen_by_their_site_alone
-- as: yq_gateway
-- person: neighbour
-- wants: value 0 0
SELECT concat_ws(' ', (SELECT count(*) FROM match_decision WHERE site_id <> yq_test.key('site', 'haiyan')),
                 (SELECT count(*) FROM match_policy WHERE site_id <> yq_test.key('site', 'haiyan')));

-- case: the_gateway_changes_no_policy
-- as: yq_gateway
-- person: radiographer
-- wants: 42501 match_policy
INSERT INTO match_policy (site_id, beyond_accession) VALUES (yq_test.key('site', 'duanfen'), false);
