-- case: a_phrase_is_seen_by_its_owner_alone
-- as: yq_gateway
-- person: author
-- wants: value 1
INSERT INTO phrase (person_id, shortcut, text) VALUES (yq_test.key('person', 'author'), 'wj', '未见异常。');
SELECT count(*) FROM phrase;

-- case: a_phrase_is_not_written_for_somebody_else
-- as: yq_gateway
-- person: author
-- wants: 42501
INSERT INTO phrase (person_id, shortcut, text) VALUES (yq_test.key('person', 'reviewer'), 'wj', '未见异常。');

-- case: a_shortcut_is_used_once
-- wants: 23505
INSERT INTO phrase (person_id, shortcut, text) SELECT yq_test.key('person', 'author'), 'wj', 'x' FROM generate_series(1, 2);

-- case: a_shortcut_has_no_blanks
-- wants: 23514
INSERT INTO phrase (person_id, shortcut, text) VALUES (yq_test.key('person', 'author'), 'w j', 'x');

-- case: five_hundred_phrases_are_kept_and_no_more
-- wants: YQ400 500 phrases
INSERT INTO phrase (person_id, shortcut, text) SELECT yq_test.key('person', 'author'), 'p' || i, 'x' FROM generate_series(1, 501) i;

-- case: five_hundred_phrases_are_kept
-- wants: ok
INSERT INTO phrase (person_id, shortcut, text) SELECT yq_test.key('person', 'author'), 'p' || i, 'x' FROM generate_series(1, 500) i;

-- case: versions_of_a_template_do_not_overlap
-- wants: 23P01
INSERT INTO report_template (code, version, name, modality, method, findings, impression)
SELECT code, 2, name, modality, method, findings, impression FROM report_template WHERE code = 'dr.chest.normal';

-- case: a_template_of_each_kind_is_shipped
-- wants: value CT ABDOMEN,CT CHEST,CT HEAD,DR CHEST,ECG HEART,MG BREAST,MR HEAD,MR KNEE,MR LSPINE,US ABDOMEN,US THYROID
SELECT string_agg(DISTINCT modality || ' ' || body_part, ',') FROM report_template WHERE result = 'negative' AND in_force @> yq_now();

-- case: a_shortcut_serves_each_field
-- as: yq_gateway
-- person: author
-- wants: ok
INSERT INTO phrase (person_id, shortcut, text, field)
SELECT yq_test.key('person', 'author'), 'wj', 'x', f FROM unnest(ARRAY['findings', 'impression']) f;

-- case: a_template_is_not_changed_from_a_page
-- as: yq_gateway
-- person: author
-- wants: 42501 report_template
UPDATE report_template SET findings = 'x' WHERE code = 'dr.chest.normal';

-- case: a_template_says_what_it_means
-- wants: 23514
UPDATE report_template SET result = 'perhaps' WHERE code = 'dr.chest.normal';
