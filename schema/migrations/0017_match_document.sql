-- An identity number that is typed at the console as patient ID speaks for a match, or against it.

-- What speaks for a study and a request being of one examination, and what against: points, out of 100. A person decides by it; the router
-- matches by itself only when the 检查号 is equal and nothing contradicts.
CREATE OR REPLACE FUNCTION yq_match_evidence(s study, c identity_claim, r request, rc identity_claim) RETURNS jsonb LANGUAGE sql STABLE AS $$
    WITH names AS (
        SELECT yq_name_groups(c.name, false) AS han, yq_name_groups(rc.name, false) AS han_r,
               yq_name_groups(c.name, true) AS latin, yq_name_groups(rc.name, true) AS latin_r
    ), fact (name, points, holds) AS (
        SELECT f.* FROM names n CROSS JOIN LATERAL (VALUES
            ('accession_equal', 50, btrim(s.accession_number) = r.accession_number),
            ('patient_id_equal', 20, c.typed_id = rc.typed_id AND NOT yq_is_trivial_id(c.typed_id)),
            ('document_equal', 30, c.national_id <> '' AND c.national_id = rc.national_id),
            ('document_differs', -40, c.national_id <> '' AND rc.national_id <> '' AND c.national_id <> rc.national_id),
            ('name_equal', 20, n.han && n.han_r),
            ('pinyin_equal', 15, NOT n.han && n.han_r AND (n.han = '{}' OR n.han_r = '{}') AND n.latin && n.latin_r),
            ('name_differs', -40, (n.han <> '{}' AND n.han_r <> '{}' AND NOT n.han && n.han_r)
                                  OR ((n.han = '{}' OR n.han_r = '{}') AND n.latin <> '{}' AND n.latin_r <> '{}'
                                      AND NOT n.latin && n.latin_r)),
            ('sex_equal', 5, upper(c.sex) = upper(rc.sex) AND c.sex <> ''),
            ('sex_differs', -30, (upper(c.sex), upper(rc.sex)) IN (('M', 'F'), ('F', 'M'))),
            ('birth_date_equal', 15, c.birth_date = rc.birth_date),
            ('birth_date_differs', -20, c.birth_date <> rc.birth_date),
            ('age_near', 5, (c.birth_date IS NULL OR rc.birth_date IS NULL)
                            AND s.patient_age_text ~ '^[0-9]{1,3}Y$' AND r.age_text ~ '^[0-9]{1,3}Y$'
                            AND abs(substring(s.patient_age_text FROM '^[0-9]+')::integer
                                    - substring(r.age_text FROM '^[0-9]+')::integer) <= 1),
            ('modality_equal', 10, CASE WHEN s.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE s.modality END
                                   = CASE WHEN r.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE r.modality END AND r.modality <> ''),
            ('modality_differs', -20, s.modality <> '' AND r.modality <> ''
                                      AND CASE WHEN s.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE s.modality END
                                          <> CASE WHEN r.modality IN ('CR', 'DX', 'RF') THEN 'DR' ELSE r.modality END),
            ('body_part_equal', 5, upper(s.body_part) = upper(r.body_part) AND r.body_part <> ''),
            ('within_two_hours', 10, s.first_arrival_at - r.registered_at BETWEEN interval '-10 minutes' AND interval '2 hours'),
            ('same_day', 5, s.first_arrival_at::date = r.registered_at::date
                            AND NOT s.first_arrival_at - r.registered_at BETWEEN interval '-10 minutes' AND interval '2 hours')
        ) AS f (name, points, holds)
    )
    SELECT coalesce(jsonb_agg(jsonb_build_object('name', name, 'points', points) ORDER BY abs(points) DESC, name) FILTER (WHERE holds), '[]')
    FROM fact
$$;
