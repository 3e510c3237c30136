-- case: whoever_writes_a_claim_its_keys_and_candidates_are_wanted
-- as: yq_storescp
-- wants: value candidates keys
INSERT INTO identity_claim (site_id, patient_id, source, typed_id, name, content_hash)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('patient', 'duanfen'), 'edge', 'P9', '李^桂英', sha256('names'));
SELECT string_agg(w.work, ' ' ORDER BY w.work) FROM identity_wanted w JOIN identity_claim c USING (claim_id)
WHERE c.content_hash = sha256('names') AND w.made_by = pg_current_xact_id();

-- case: an_empty_key_would_find_everybody
-- wants: 23514 identity_key_key_check
INSERT INTO identity_key (claim_id, site_id, key, kind)
VALUES (yq_test.key('claim', 'duanfen'), yq_test.key('site', 'duanfen'), '', 'part');

-- case: a_neighbour_finds_nobody_of_another_site
-- as: yq_gateway
-- person: neighbour
-- wants: value haiyan 0
SELECT yq_test.name_key('duanfen', 'liguiying'), yq_test.name_key('haiyan', 'liguiying');
SELECT concat_ws(' ', (SELECT string_agg(n.name, ' ') FROM yq_studies_found('ligui', 'x', 10) AS f (id) JOIN yq_test.name n USING (id) WHERE n.kind = 'study'),
                 (SELECT count(*) FROM identity_key WHERE site_id = yq_test.key('site', 'duanfen')));

-- case: a_request_is_found_by_its_patient_and_by_its_number_as_it_was_typed
-- as: yq_gateway
-- person: radiographer
-- wants: value 1 1 0 0
SELECT yq_test.name_key('duanfen', 'liguiying');
SELECT concat_ws(' ', (SELECT count(*) FROM yq_requests_found('lig', 'lig', 10)), (SELECT count(*) FROM yq_requests_found(NULL, 'a1', NULL)),
                 (SELECT count(*) FROM yq_requests_found('%', '%', NULL)), (SELECT count(*) FROM yq_requests_found('lig%', '_1', NULL)));

-- case: keys_are_only_for_sites_that_one_sees
-- as: yq_gateway
-- person: neighbour
-- wants: 42501 identity_key
INSERT INTO identity_key (claim_id, site_id, key, kind)
VALUES (yq_test.key('claim', 'duanfen'), yq_test.key('site', 'duanfen'), 'x', 'part');

-- case: a_key_is_of_a_known_kind
-- wants: 23514 identity_key_kind_check
INSERT INTO identity_key (claim_id, site_id, key, kind)
VALUES (yq_test.key('claim', 'duanfen'), yq_test.key('site', 'duanfen'), 'x', 'whatever');

-- case: a_review_of_two_sites_is_hidden_from_who_sees_one
-- as: yq_gateway
-- person: radiographer
-- wants: value 0
SELECT yq_test.review('duanfen', 'haiyan');
SELECT count(*) FROM identity_review;

-- case: a_review_of_two_sites_is_hidden_from_who_sees_the_other
-- as: yq_gateway
-- person: neighbour
-- wants: value 0
SELECT yq_test.review('duanfen', 'haiyan');
SELECT count(*) FROM identity_review;

-- case: a_review_of_two_sites_is_for_who_sees_both
-- as: yq_gateway
-- person: reviewer
-- wants: value 1
SELECT yq_test.review('duanfen', 'haiyan');
SELECT count(*) FROM identity_review;

-- case: a_review_across_communities_is_for_nobody_of_either
-- as: yq_gateway
-- person: reviewer
-- wants: value 0
SELECT yq_test.review('duanfen', 'foreign');
SELECT count(*) FROM identity_review;

-- case: one_site_is_not_named_twice
-- wants: 23514 identity_review_check
INSERT INTO identity_review (site_id, claim_id, other_site_id, other_claim_id, reason)
VALUES (yq_test.key('site', 'duanfen'), yq_test.key('claim', 'duanfen'), yq_test.key('site', 'duanfen'), yq_test.key('claim', 'haiyan'), 'candidate');

-- case: what_agrees_enough_to_be_asked_about
-- wants: value 1:national_id+name+sex+birth_date 2:name+sex+birth_date 3:- 4:- 5:- 6:- 7:- 8:- 9:- 10:-
WITH pair (n, site, name, sex, birth, document, other_site, other_name, other_sex, other_birth, other_document) AS (VALUES
    (1, 'duanfen', '张三', 'M', '1957-03-12', '440781195703121230', 'duanfen', 'ZHANG^SAN=张^三', 'M', '1957-03-12', '440781195703121230'),
    (2, 'duanfen', '张三', 'M', '1957-03-12', '', 'haiyan', 'ZHANG^SAN=张^三', 'M', '1957-03-12', ''),
    (3, 'duanfen', '张三', 'M', '1957-03-12', '', 'duanfen', '张三', 'M', '1957-03-12', ''),
    (4, 'duanfen', '张三', 'M', '1957-03-12', '440781195703121230', 'haiyan', '章三', 'M', '1957-03-12', '440781195703121230'),
    (5, 'duanfen', '张三', 'F', '1957-03-12', '440781195703121230', 'duanfen', '张三', 'F', '1957-03-12', '440781195703121230'),
    (6, 'duanfen', '张三', 'M', NULL, '440781195703121230', 'haiyan', '张三', 'M', NULL, '440781195703121230'),
    (7, 'duanfen', '张三', 'M', '1957-03-12', '', 'haiyan', '张三', '', '1957-03-12', ''),
    (8, 'duanfen', '张三', 'M', '1957-03-12', '', 'haiyan', '张三', 'M', '1957-03-21', ''),
    (9, 'duanfen', '张三', 'M', '1957-03-12', '440781195703121230', 'haiyan', '张三', 'M', '1957-03-12', '11010119570312131X'),
    (10, 'duanfen', '张三', 'M', '1957-03-12', '440781195703121231', 'duanfen', '张三', 'M', '1957-03-12', '440781195703121231'))
SELECT string_agg(n || ':' || coalesce(array_to_string(yq_candidate_evidence(a, b), '+'), '-'), ' ' ORDER BY n)
FROM pair
CROSS JOIN LATERAL (SELECT (jsonb_populate_record(NULL::identity_claim, jsonb_build_object('claim_id', -1, 'site_id', yq_test.key('site', site),
                        'name', name, 'sex', sex, 'birth_date', birth, 'national_id', document))).*) a
CROSS JOIN LATERAL (SELECT (jsonb_populate_record(NULL::identity_claim, jsonb_build_object('claim_id', -2, 'site_id', yq_test.key('site', other_site),
                        'name', other_name, 'sex', other_sex, 'birth_date', other_birth, 'national_id', other_document))).*) b;

-- case: an_institution_is_kept_as_the_first_object_of_a_series_says_it
-- wants: value 白沙乡卫生院
SELECT intake_equipment(jsonb_build_array(jsonb_build_object('object_key', i.object_key, 'institution', v.said)))
FROM instance i, unnest(ARRAY['白沙乡卫生院', '别处']) AS v (said) WHERE i.instance_id = yq_test.key('instance', 'duanfen');
SELECT institution FROM series WHERE series_id = yq_test.key('series', 'duanfen');
