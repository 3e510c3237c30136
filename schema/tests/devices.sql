-- case: two_devices_of_which_neither_says_more_are_refused
-- wants: YQ409 neither says more
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.1');
INSERT INTO device (site_id, calling_ae, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', 11113);

-- case: nested_ones_are_fine
-- wants: ok
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.0/24');
INSERT INTO device (site_id, calling_ae, address, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', '192.0.2.1', 11113);
INSERT INTO device (site_id, calling_ae, called_ae, local_port) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', 'OTHER', 11113);

-- case: certificates_tell_apart
-- wants: ok
INSERT INTO device (site_id, calling_ae, address, certificate_sha256) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', '192.0.2.1', sha256('a'));
INSERT INTO device (site_id, calling_ae, address, certificate_sha256) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', '192.0.2.1', sha256('b'));
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', '192.0.2.1');

-- case: a_certificate_against_an_address_says_neither_more_nor_less
-- wants: YQ409 neither says more
INSERT INTO device (site_id, calling_ae, certificate_sha256) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', sha256('a'));
INSERT INTO device (site_id, calling_ae, address) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', '192.0.2.1');

-- case: one_certificate_of_two_devices
-- wants: 23505 device_known
INSERT INTO device (site_id, calling_ae, certificate_sha256) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', sha256('a'));
INSERT INTO device (site_id, calling_ae, certificate_sha256) VALUES (yq_test.key('site', 'haiyan'), 'TWIN', sha256('a'));

-- case: a_certificate_is_the_one_of_its_fingerprint
-- wants: 23514 device_certificate
INSERT INTO device (site_id, calling_ae, certificate, certificate_sha256) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', 'a', sha256('b'));

-- case: a_certificate_has_a_fingerprint
-- wants: 23514 device_certificate
INSERT INTO device (site_id, calling_ae, certificate) VALUES (yq_test.key('site', 'duanfen'), 'TWIN', 'a');

-- case: certificates_of_machines_that_must_be_renewed
-- wants: value device TWIN CN=a/receiver yq-storescp@h CN=door
INSERT INTO device (site_id, calling_ae, certificate_sha256, certificate_subject, certificate_until)
VALUES (yq_test.key('site', 'duanfen'), 'TWIN', sha256('a'), 'CN=a', yq_now() + interval '1 day');
INSERT INTO device (site_id, calling_ae, certificate_sha256, certificate_subject, certificate_until, is_enabled)
VALUES (yq_test.key('site', 'duanfen'), 'OFF', sha256('b'), 'CN=b', yq_now() + interval '1 day', false);
INSERT INTO program (instance_id, program, host, pid, version, detail)
VALUES (gen_random_uuid(), 'yq-storescp', 'h', 1, '1', '{"tls": {"ports": "2762", "subject": "CN=door", "until": "2030-01-01T00:00:00Z", "fault": ""}}'),
       (gen_random_uuid(), 'yq-storescp', 'h', 2, '1', '{"tls": null}'), (gen_random_uuid(), 'yq-storescp', 'h', 3, '1', '{}');
SELECT string_agg(concat_ws(' ', kind, name, subject), '/' ORDER BY kind) FROM yq_machine_certificates();

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

-- case: silence_is_due_an_hour_after_the_usual_time_of_that_weekday
-- wants: value 2026-11-27 09:10 8 20
SET LOCAL TimeZone = 'Asia/Shanghai';
INSERT INTO device (site_id, calling_ae) VALUES (yq_test.key('site', 'duanfen'), 'QUIET');
INSERT INTO device_contact (device_id, day, images, last_at)
SELECT device_id, g::date, 20, g + interval '8 h 10 min' FROM device, generate_series('2026-09-01', '2026-11-26', interval '1 day') g
WHERE calling_ae = 'QUIET' AND extract(isodow FROM g) < 6;
SELECT concat_ws(' ', to_char(s.due_at, 'YYYY-MM-DD HH24:MI'), s.history, s.usual_images)
FROM device d, yq_device_silence(d.device_id) s WHERE calling_ae = 'QUIET';

-- case: weekends_and_holidays_are_not_silence_and_a_worked_saturday_is
-- wants: value 2026-11-30 09:10|2026-12-01 09:10|2026-11-28 09:10
SET LOCAL TimeZone = 'Asia/Shanghai';
INSERT INTO device (site_id, calling_ae) VALUES (yq_test.key('site', 'duanfen'), 'QUIET');
INSERT INTO device_contact (device_id, day, images, last_at)
SELECT device_id, g::date, 20, g + interval '8 h 10 min' FROM device, generate_series('2026-09-01', '2026-11-27', interval '1 day') g
WHERE calling_ae = 'QUIET' AND extract(isodow FROM g) < 6;
CREATE TEMPORARY TABLE due (n integer, at text);
INSERT INTO due SELECT 1, to_char(s.due_at, 'YYYY-MM-DD HH24:MI') FROM device d, yq_device_silence(d.device_id) s WHERE calling_ae = 'QUIET';
INSERT INTO calendar_day (day, is_working, name) VALUES ('2026-11-30', false, '休');
INSERT INTO due SELECT 2, to_char(s.due_at, 'YYYY-MM-DD HH24:MI') FROM device d, yq_device_silence(d.device_id) s WHERE calling_ae = 'QUIET';
INSERT INTO calendar_day (day, is_working, name) VALUES ('2026-11-28', true, '班');
INSERT INTO due SELECT 3, to_char(s.due_at, 'YYYY-MM-DD HH24:MI') FROM device d, yq_device_silence(d.device_id) s WHERE calling_ae = 'QUIET';
SELECT string_agg(at, '|' ORDER BY n) FROM due;

-- case: who_sends_now_and_then_or_only_lately_is_never_silent
-- wants: value 3 0
SET LOCAL TimeZone = 'Asia/Shanghai';
INSERT INTO device (site_id, calling_ae) SELECT yq_test.key('site', 'duanfen'), 'QUIET' || n FROM generate_series(1, 3) n;
INSERT INTO device_contact (device_id, day, images, echoes, last_at)
SELECT device_id, g::date, CASE calling_ae WHEN 'QUIET1' THEN (extract(week FROM g)::integer % 2) * 9 WHEN 'QUIET2' THEN 9 ELSE 0 END, 5, g + interval '9 h'
FROM device, generate_series('2026-09-01', '2026-11-26', interval '1 day') g
WHERE calling_ae LIKE 'QUIET_' AND (calling_ae <> 'QUIET2' OR g >= '2026-11-10');
INSERT INTO device_contact (device_id, day, images, last_at) SELECT device_id, '2026-08-01', 1, '2026-08-01 09:00' FROM device WHERE calling_ae = 'QUIET3';
SELECT concat_ws(' ', count(*), count(s.due_at)) FROM device d LEFT JOIN yq_device_silence(d.device_id) s ON true WHERE calling_ae LIKE 'QUIET_';

-- case: the_times_of_images_are_kept_beside_those_of_echoes
-- wants: value 08:10 09:30 11:00
SET LOCAL TimeZone = 'Asia/Shanghai';
INSERT INTO device (site_id, calling_ae) VALUES (yq_test.key('site', 'duanfen'), 'QUIET');
INSERT INTO device_contact (device_id, day, echoes, last_at) SELECT device_id, '2026-11-26', 1, '2026-11-26 07:00' FROM device WHERE calling_ae = 'QUIET';
UPDATE device_contact SET images = images + 1, last_at = '2026-11-26 08:10' WHERE device_id = (SELECT device_id FROM device WHERE calling_ae = 'QUIET');
UPDATE device_contact SET images = images + 1, last_at = '2026-11-26 09:30' WHERE device_id = (SELECT device_id FROM device WHERE calling_ae = 'QUIET');
UPDATE device_contact SET echoes = echoes + 1, last_at = '2026-11-26 11:00' WHERE device_id = (SELECT device_id FROM device WHERE calling_ae = 'QUIET');
SELECT concat_ws(' ', to_char(first_image_at, 'HH24:MI'), to_char(last_image_at, 'HH24:MI'), to_char(last_at, 'HH24:MI'))
FROM device_contact WHERE device_id = (SELECT device_id FROM device WHERE calling_ae = 'QUIET');

-- case: a_resend_of_old_images_makes_no_clock_slow_and_a_dead_battery_is_seen_the_same_morning
-- wants: value -00:00:30|-00:00:30|-9828 days|-00:02:00
INSERT INTO device (site_id, calling_ae) VALUES (yq_test.key('site', 'duanfen'), 'CLOCK');
CREATE TEMPORARY TABLE clock (n integer, at text);
INSERT INTO device_clock_sample (device_id, measured_at, clock_offset)
SELECT device_id, t::timestamptz, o::interval FROM device, (VALUES ('2026-11-26 15:00', '-30 s'), ('2026-11-26 16:00', '-3 days'), ('2026-11-26 16:01', '-2 days')) v (t, o)
WHERE calling_ae = 'CLOCK';
INSERT INTO clock SELECT 1, c.clock_offset::text FROM device d, yq_device_clock(d.device_id, '2026-11-26 17:00') c WHERE calling_ae = 'CLOCK';
INSERT INTO device_clock_sample (device_id, measured_at, clock_offset)
SELECT device_id, t::timestamptz, o::interval FROM device, (VALUES ('2026-11-26 20:00', '8 h'), ('2026-11-26 20:30', '-1 min')) v (t, o) WHERE calling_ae = 'CLOCK';
INSERT INTO clock SELECT 2, c.clock_offset::text FROM device d, yq_device_clock(d.device_id, '2026-11-26 20:30') c WHERE calling_ae = 'CLOCK';
INSERT INTO device_clock_sample (device_id, measured_at, clock_offset)
SELECT device_id, t::timestamptz, o::interval FROM device, (VALUES ('2026-11-27 08:00', '-9828 days -5 s'), ('2026-11-27 08:12', '-9828 days')) v (t, o) WHERE calling_ae = 'CLOCK';
INSERT INTO clock SELECT 3, c.clock_offset::text FROM device d, yq_device_clock(d.device_id, '2026-11-27 08:30') c WHERE calling_ae = 'CLOCK';
INSERT INTO device_clock_sample (device_id, measured_at, clock_offset) SELECT device_id, '2026-11-27 11:00', '-2 min' FROM device WHERE calling_ae = 'CLOCK';
INSERT INTO clock SELECT 4, c.clock_offset::text FROM device d, yq_device_clock(d.device_id, '2026-11-27 22:00') c WHERE calling_ae = 'CLOCK';
SELECT string_agg(at, '|' ORDER BY n) FROM clock;
