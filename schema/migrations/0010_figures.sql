-- The figures of the cockpit: one definition each, as functions that page, rows and export share.

-- ---- definitions in two languages --------------------------------------------------------------------------------------

ALTER TABLE figure_definition
    ADD COLUMN numerator_en text NOT NULL DEFAULT '',
    ADD COLUMN denominator_en text NOT NULL DEFAULT '';

UPDATE figure_definition
SET numerator_en = numerator, denominator_en = denominator,
    numerator = '分母中在统计期内：已接入＝已入网且收到过连通测试或图像；有服务＝所在网格牵头医院出具（集中诊断、基层初写上级审核）并已回传的报告不少于 1 份；常态化＝此类报告每月不少于 N 份',
    denominator = '统计期最后一天属于该医共体且按乡镇卫生院计算的机构，无设备的机构也在内'
WHERE figure = 'coverage_rate' AND version = 1;

INSERT INTO figure_definition (figure, version, name_zh, name_en, numerator, numerator_en, denominator, denominator_en, dimensions, in_force)
SELECT f.figure, 1, f.name_zh, f.name_en, f.numerator, f.numerator_en, f.denominator, f.denominator_en,
       string_to_array(f.dimensions, ' '), daterange('2000-01-01', NULL)
FROM (VALUES
    ('volume', '检查量', 'studies', '首幅图像在统计期内到达的检查', 'studies whose first image arrived in the period', '同分子', 'the same',
     'community site reading_mode day hour'),
    ('reports', '报告量', 'reports', '首版报告在统计期内发布的检查（作废的除外）', 'studies whose first report version was issued in the period (void ones left out)',
     '同分子', 'the same', 'community site reading_mode day'),
    ('in_time_centre', '报告及时率（中心时钟）', 'in time, centre clock', '分母中在时限内发布的报告；退回、追问等暂停时间不计',
     'of the denominator, issued within the limit; pauses (returns, questions) are taken off', '统计期内发布、发布时有时限的报告',
     'reports issued in the period that had a limit', 'community site reading_mode patient_class modality'),
    ('in_time_site', '报告及时率（基层时钟）', 'in time, site clock', '分母中自提交诊断（未提交的自首幅图像）起，在同样时限内回到机构（送达或在机构打开）的报告；暂停时间不计',
     'of the denominator, back at the site (delivered, or opened there) within the same limit, counted from 提交诊断 or else the first image; pauses are taken off',
     '统计期内发布、发布时有时限的报告', 'reports issued in the period that had a limit', 'community site reading_mode patient_class modality'),
    ('turnaround_arrival', '用时：上传', 'time: arrival', '首幅图像到图像已齐（急诊到进入待诊断）的时间，中位数和第 90 百分位',
     'first image to complete (emergency: to the queue), median and 90th percentile', '统计期内发布的报告', 'reports issued in the period', 'community reading_mode'),
    ('turnaround_waiting', '用时：待诊断', 'time: waiting', '图像已齐到首次领取，扣除暂停时间', 'complete to first taken, without pauses',
     '统计期内发布的报告', 'reports issued in the period', 'community reading_mode'),
    ('turnaround_writing', '用时：书写', 'time: writing', '首次领取到最后一次提交审核，扣除暂停时间', 'first taken to last submitted, without pauses',
     '统计期内发布的报告', 'reports issued in the period', 'community reading_mode'),
    ('turnaround_review', '用时：审核', 'time: review', '最后一次提交审核到发布', 'last submitted to issued', '统计期内发布的报告',
     'reports issued in the period', 'community reading_mode'),
    ('turnaround_return', '用时：回传', 'time: return', '发布到回到机构（送达或在机构打开）', 'issued to back at the site (delivered, or opened there)',
     '统计期内发布且已回到机构的报告', 'reports issued in the period that came back', 'community reading_mode'),
    ('turnaround_centre', '用时：中心时钟', 'time: centre clock', '图像已齐到发布，扣除暂停时间', 'complete to issued, without pauses',
     '统计期内发布的报告', 'reports issued in the period', 'community reading_mode patient_class modality'),
    ('turnaround_site', '用时：基层时钟', 'time: site clock', '提交诊断（未提交的为首幅图像）到回到机构，扣除暂停时间',
     '提交诊断 (else the first image) to back at the site, without pauses', '统计期内发布且已回到机构的报告',
     'reports issued in the period that came back', 'community reading_mode'),
    ('positive_rate', '阳性率', 'positive rate', '分母中标为阳性的报告', 'of the denominator, marked positive', '统计期内发布、标明阳性或阴性的报告，体检除外',
     'reports issued in the period that say positive or negative, without health checks', 'community site reading_mode'),
    ('grade_a_rate', '优良（甲级）率', 'grade A rate', '分母中评为甲、优或良的报告', 'of the denominator, graded 甲, 优 or 良', '统计期内发布、已评图像质量的报告',
     'reports issued in the period with a graded image quality', 'community site reading_mode'),
    ('retake_rate', '退回重拍率', 'retake rate', '分母中退回重拍过的检查', 'of the denominator, returned for a retake at least once',
     '首幅图像在统计期内到达、已进入待诊断的检查', 'studies whose first image arrived in the period and that were offered for reading', 'community site reading_mode'),
    ('request_return_rate', '退回申请率', 'request return rate', '分母中退回申请过的检查', 'of the denominator, returned for the request at least once',
     '首幅图像在统计期内到达、已进入待诊断的检查', 'studies whose first image arrived in the period and that were offered for reading', 'community site reading_mode'),
    ('double_signature_rate', '双签率', 'double signature rate', '分母中由两名不同医师签名的报告', 'of the denominator, signed by two different doctors',
     '统计期内发布的报告', 'reports issued in the period', 'community site reading_mode'),
    ('review_change_rate', '审核修改率', 'review change rate', '分母中审核时退回修改过的报告', 'of the denominator, sent back for changes at least once',
     '统计期内发布、经过审核的报告', 'reports issued in the period that were reviewed', 'community site reading_mode'),
    ('diagnosis_by_lead_rate', '上级诊断率', 'diagnosis by the lead', '分母中已由所在网格牵头医院发布报告（集中诊断、基层初写上级审核）的检查',
     'of the denominator, with a report that the lead hospital of the grid issued (reading modes central and local_draft)',
     '成员机构首幅图像在统计期内到达、图像已齐的检查', 'complete studies of member sites whose first image arrived in the period', 'community site reading_mode'),
    ('critical_in_time', '危急值及时通报率', 'critical values in time', '分母中在规定时间（默认 10 分钟）内由医师复述确认的危急值',
     'of the denominator, read back by a physician in the time set (10 minutes by default)', '统计期内提出的危急值', 'critical values raised in the period',
     'community site'),
    ('critical_closed', '危急值闭环率', 'critical values closed', '分母中已记录处置并关闭的危急值', 'of the denominator, closed with its handling recorded',
     '统计期内提出的危急值', 'critical values raised in the period', 'community site'),
    ('workload', '工作量', 'workload', '每名医师书写、审核的报告数，书写用时中位数', 'reports written and reviewed per doctor, median time of writing',
     '统计期内发布的报告', 'reports issued in the period', 'community person')
) f (figure, name_zh, name_en, numerator, numerator_en, denominator, denominator_en, dimensions);

-- ---- where to look ----------------------------------------------------------------------------------------------------------

CREATE INDEX critical_value_raised ON critical_value (site_id, raised_at);
CREATE INDEX delivery_failed ON delivery (site_id) WHERE state IN ('dead', 'quarantined');
CREATE INDEX study_incomplete ON study (site_id, first_arrival_at) WHERE state = 'incomplete';

-- Sites whose figures the person of this session may see: by a right that is about figures, not by one that is about patients.
CREATE FUNCTION figure_reach() RETURNS SETOF bigint LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT DISTINCT s
    FROM person p
    JOIN person_right r ON r.person_id = p.person_id AND r.revoked_at IS NULL
    CROSS JOIN LATERAL yq_sites_under(r.scope_id, yq_now()::date) AS s
    WHERE p.public_id = nullif(current_setting('yq.person', true), '')::uuid AND p.is_active
      AND r.role IN ('duty_leader', 'quality_controller', 'administrator', 'operator')
$$;

-- Sites of every community on a day, as far as the session's person may see their figures; all without a person.
CREATE FUNCTION figure_sites(p_day date) RETURNS TABLE (community_id bigint, grid_id bigint, site_id bigint, is_lead boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT g.parent_id, m.parent_id, s.site_id,
           EXISTS (SELECT FROM grid_lead l WHERE l.grid_id = m.parent_id AND l.site_id = s.site_id AND l.valid @> p_day)
    FROM site s
    JOIN scope_membership m ON m.child_id = s.site_id AND m.valid @> p_day
    JOIN scope_membership g ON g.child_id = m.parent_id AND g.valid @> p_day
    WHERE nullif(current_setting('yq.person', true), '') IS NULL OR s.site_id IN (SELECT figure_reach())
$$;

-- ---- what there is to count ---------------------------------------------------------------------------------------------------

-- One row a study that began in the period (is_study), or whose first report was issued in it (is_report).
CREATE TYPE figure_fact AS (
    study_id         bigint,
    site_id          bigint,
    is_member        boolean,     -- not the lead hospital of its grid
    is_study         boolean,
    is_report        boolean,
    patient_class    text,
    modality         text,
    reading_mode     text,
    first_image_at   timestamptz,
    is_offered       boolean,     -- for reading
    ready_at         timestamptz, -- complete, or offered before: emergency, or incomplete
    taken_at         timestamptz,
    submitted_at     timestamptz,
    issued_at        timestamptz,
    returned_at      timestamptz, -- back at the site
    opened_at        timestamptz, -- by a person of the site
    site_start_at    timestamptz, -- from where the site's clock runs
    due_at           timestamptz, -- with the pauses in it
    allowed          interval,    -- what the limit left when the task was opened, and the pauses
    paused           interval,
    paused_waiting   interval,    -- the part of it that began before the task was first taken
    paused_review    interval,    -- the part of it that began after the last submission
    is_by_lead       boolean,
    result           text,
    quality_grade    text,
    signers          integer,
    author_id        bigint,
    reviewer_id      bigint,
    is_sent_back     boolean,
    is_retake        boolean,
    is_request_return boolean
);

-- Past row-level security, as far as figure_sites() goes. A period's plan depends on its length: planned anew each time.
CREATE FUNCTION figure_facts(p_community uuid, p_from date, p_to date, p_modes text[]) RETURNS SETOF figure_fact LANGUAGE plpgsql STABLE
SECURITY DEFINER SET search_path = public, pg_temp SET work_mem = '64MB' SET jit = off SET plan_cache_mode = force_custom_plan AS $$
#variable_conflict use_column
BEGIN
    RETURN QUERY
    WITH place AS MATERIALIZED (
        SELECT f.site_id, NOT f.is_lead AS is_member
        FROM figure_sites(p_to) f JOIN scope c ON c.scope_id = f.community_id
        WHERE c.public_id = p_community
    ), lead AS MATERIALIZED (
        SELECT m.child_id AS site_id, l.site_id AS lead_site_id, m.valid * l.valid AS valid
        FROM scope_membership m JOIN grid_lead l ON l.grid_id = m.parent_id AND l.valid && m.valid
        WHERE m.child_id IN (SELECT site_id FROM place)
    ), chosen AS (
        SELECT s.study_id FROM study s
        WHERE s.first_arrival_at >= p_from::timestamptz AND s.first_arrival_at < (p_to + 1)::timestamptz
          AND s.site_id IN (SELECT site_id FROM place)
        UNION
        SELECT r.study_id FROM report_version v JOIN report r USING (report_id)
        WHERE v.issued_at >= p_from::timestamptz AND v.issued_at < (p_to + 1)::timestamptz
          AND v.site_id IN (SELECT site_id FROM place)
    ), task AS (
        SELECT DISTINCT ON (t.study_id) t.*
        FROM reading_task t JOIN chosen USING (study_id)
        WHERE t.kind = 'primary'
        ORDER BY t.study_id, t.state = 'cancelled', t.task_id DESC
    ), base AS MATERIALIZED (
        SELECT s.study_id, s.site_id, place.is_member, s.patient_class, s.modality, s.reading_mode, s.first_arrival_at, s.state,
               s.completed_at, s.submitted_at AS pressed_at, t.task_id, t.opened_at AS offered_at, t.first_taken_at, t.due_at, t.paused_for,
               t.queue_id, t.reading_mode AS read_as, r.report_id, v.report_version_id, v.submitted_at, v.issued_at, v.author_id, v.reviewer_id,
               v.body ->> 'result' AS result, v.body ->> 'quality_grade' AS quality_grade
        FROM chosen
        JOIN study s USING (study_id)
        JOIN place USING (site_id)
        LEFT JOIN task t USING (study_id)
        LEFT JOIN report r ON r.task_id = t.task_id
        LEFT JOIN report_version v ON v.report_id = r.report_id AND v.kind = 'original' AND v.state IN ('issued', 'superseded')
        WHERE p_modes IS NULL OR s.reading_mode = ANY (p_modes)
    ), pause AS (
        SELECT k.task_id, bool_or(k.kind = 'retake') AS is_retake, bool_or(k.kind = 'request') AS is_request,
               sum(coalesce(k.end_at, yq_now()) - k.begin_at) FILTER (WHERE k.begin_at < b.first_taken_at) AS waiting,
               sum(coalesce(k.end_at, yq_now()) - k.begin_at) FILTER (WHERE k.begin_at >= b.submitted_at) AS review
        FROM (SELECT task_id, kind, returned_at AS begin_at, answered_at AS end_at FROM task_return
              UNION ALL SELECT task_id, 'question', asked_at, answered_at FROM task_question) k
        JOIN base b USING (task_id)
        GROUP BY k.task_id
    ), signed AS (
        SELECT g.report_version_id, count(DISTINCT g.person_id)::integer AS signers
        FROM report_signature g JOIN base USING (report_version_id)
        WHERE g.voided_at IS NULL
        GROUP BY g.report_version_id
    ), receipts AS (
        SELECT b.report_id, min(c.at) AS returned_at, min(c.at) FILTER (WHERE c.kind = 'opened') AS opened_at
        FROM base b JOIN report_version w ON w.report_id = b.report_id JOIN receipt c ON c.report_version_id = w.report_version_id
        WHERE b.issued_at IS NOT NULL AND (c.kind = 'delivered' OR (c.kind = 'opened' AND c.at_site_id = b.site_id))
        GROUP BY b.report_id
    ), remarks AS (
        SELECT DISTINCT m.report_version_id FROM report_remark m JOIN base USING (report_version_id)
    )
    SELECT b.study_id, b.site_id, b.is_member,
           b.first_arrival_at >= p_from::timestamptz AND b.first_arrival_at < (p_to + 1)::timestamptz,
           coalesce(b.issued_at >= p_from::timestamptz AND b.issued_at < (p_to + 1)::timestamptz, false),
           b.patient_class, b.modality, b.reading_mode, b.first_arrival_at, b.task_id IS NOT NULL, least(b.completed_at, b.offered_at),
           b.first_taken_at,
           b.submitted_at, b.issued_at, c.returned_at, c.opened_at,
           CASE WHEN b.pressed_at <= b.issued_at THEN b.pressed_at ELSE b.first_arrival_at END,
           b.due_at, b.due_at - b.offered_at, coalesce(b.paused_for, interval '0'), coalesce(p.waiting, interval '0'),
           coalesce(p.review, interval '0'),
           l.site_id IS NOT NULL AND b.read_as IN ('central', 'local_draft'),
           b.result, coalesce(b.quality_grade, ''), coalesce(g.signers, 0), b.author_id, b.reviewer_id,
           m.report_version_id IS NOT NULL, coalesce(p.is_retake, false), coalesce(p.is_request, false)
    FROM base b
    LEFT JOIN reading_queue q USING (queue_id)
    LEFT JOIN lead l ON l.site_id = b.site_id AND l.lead_site_id = q.lead_site_id AND l.valid @> b.issued_at::date
    LEFT JOIN pause p USING (task_id)
    LEFT JOIN signed g USING (report_version_id)
    LEFT JOIN receipts c USING (report_id)
    LEFT JOIN remarks m USING (report_version_id);
END $$;

-- What each study means to each figure: no row where it is not in the denominator. This is the definition; everything else adds it up.
CREATE FUNCTION figure_marks(f figure_fact) RETURNS TABLE (figure text, is_counted boolean) LANGUAGE sql IMMUTABLE AS $$
    SELECT m.figure, coalesce(m.is_counted, false)
    FROM (VALUES
        ('volume', f.is_study, true),
        ('reports', f.is_report, true),
        ('workload', f.is_report, true),
        ('in_time_centre', f.is_report AND f.due_at IS NOT NULL, f.issued_at <= f.due_at),
        ('in_time_site', f.is_report AND f.due_at IS NOT NULL, f.returned_at <= f.site_start_at + f.allowed),
        ('positive_rate', f.is_report AND f.patient_class <> 'health_check' AND f.result IN ('positive', 'negative'), f.result = 'positive'),
        ('grade_a_rate', f.is_report AND f.quality_grade <> '', f.quality_grade IN ('甲', '优', '良')),
        ('retake_rate', f.is_study AND f.is_offered, f.is_retake),
        ('request_return_rate', f.is_study AND f.is_offered, f.is_request_return),
        ('double_signature_rate', f.is_report, f.signers >= 2),
        ('review_change_rate', f.is_report AND f.reviewer_id IS NOT NULL, f.is_sent_back),
        ('diagnosis_by_lead_rate', f.is_study AND f.is_member AND f.ready_at IS NOT NULL, f.is_by_lead)
    ) m (figure, is_denominator, is_counted)
    WHERE m.is_denominator
$$;

CREATE FUNCTION figure_seconds(p_from timestamptz, p_to timestamptz, p_paused interval) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$
    SELECT greatest(extract(epoch FROM p_to - p_from - p_paused), 0)::double precision
$$;

-- How long each leg of an issued report took; no row for a leg that has not ended.
CREATE FUNCTION figure_legs(f figure_fact) RETURNS TABLE (leg text, seconds double precision) LANGUAGE sql IMMUTABLE AS $$
    SELECT l.leg, l.seconds
    FROM (VALUES
        ('arrival', figure_seconds(f.first_image_at, f.ready_at, interval '0')),
        ('waiting', figure_seconds(f.ready_at, f.taken_at, f.paused_waiting)),
        ('writing', figure_seconds(f.taken_at, f.submitted_at, f.paused - f.paused_waiting - f.paused_review)),
        ('review', figure_seconds(f.submitted_at, f.issued_at, f.paused_review)),
        ('return', figure_seconds(f.issued_at, f.returned_at, interval '0')),
        ('centre', figure_seconds(f.ready_at, f.issued_at, f.paused)),
        ('site', figure_seconds(f.site_start_at, f.returned_at, f.paused))
    ) l (leg, seconds)
    WHERE f.is_report AND l.seconds IS NOT NULL
$$;

-- Critical values raised in the period. The clock stops when a physician read it back; confirm_by is the time set when it was raised.
CREATE FUNCTION figure_critical(p_community uuid, p_from date, p_to date, p_modes text[])
RETURNS TABLE (critical_value_id bigint, study_id bigint, site_id bigint, patient_class text, modality text, reading_mode text,
    raised_at timestamptz, confirm_by timestamptz, read_back_at timestamptz, closed_at timestamptz, is_in_time boolean, is_closed boolean)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT v.critical_value_id, v.study_id, v.site_id, s.patient_class, s.modality, s.reading_mode, v.raised_at, v.confirm_by, v.read_back_at,
           v.closed_at, coalesce(v.read_back_at <= v.confirm_by, false), v.state = 'closed'
    FROM critical_value v
    JOIN study s USING (study_id)
    WHERE v.raised_at >= p_from::timestamptz AND v.raised_at < (p_to + 1)::timestamptz
      AND v.site_id IN (SELECT f.site_id FROM figure_sites(p_to) f JOIN scope c ON c.scope_id = f.community_id WHERE c.public_id = p_community)
      AND (p_modes IS NULL OR s.reading_mode = ANY (p_modes))
$$;

-- A figure never goes without its denominator; over nothing there is no rate.
CREATE FUNCTION figure_ratio(p_numerator bigint, p_denominator bigint) RETURNS jsonb LANGUAGE sql IMMUTABLE AS $$
    SELECT jsonb_build_object('numerator', coalesce(p_numerator, 0), 'denominator', coalesce(p_denominator, 0),
                              'value', round(p_numerator::numeric / nullif(p_denominator, 0), 4)::double precision)
$$;

-- What is wrong at each site now, in words of a closed list; the detail is a name, a number or a day, in no language.
CREATE FUNCTION figure_wrong(p_community uuid, p_day date) RETURNS TABLE (site_id bigint, last_seen_at timestamptz, wrong jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH place AS MATERIALIZED (
        SELECT f.site_id, t.has_equipment,
               t.counts_as_township_health_centre OR EXISTS (SELECT FROM site_enrolment e WHERE e.site_id = f.site_id AND e.valid @> yq_now()) AS is_expected
        FROM figure_sites(p_day) f JOIN site t USING (site_id) JOIN scope c ON c.scope_id = f.community_id
        WHERE c.public_id = p_community
    ), seen AS MATERIALIZED (
        SELECT p.*, image.at AS last_image_at, greatest(image.at, (SELECT max(d.last_seen_at) FROM device d WHERE d.site_id = p.site_id)) AS last_seen_at
        FROM place p
        LEFT JOIN LATERAL (SELECT s.last_arrival_at AS at FROM study s WHERE s.site_id = p.site_id ORDER BY s.last_arrival_at DESC LIMIT 1) image ON true
    ), usual AS (
        -- Studies of each weekday in the (at most) eight weeks that end with the last image.
        SELECT n.site_id, n.last_day, n.first_day, extract(isodow FROM s.day) AS isodow,
               count(*) / least(8.0, ceil((n.last_day - n.first_day + 1) / 7.0)) AS studies
        FROM (SELECT site_id, last_image_at::date AS last_day,
                     greatest(last_image_at::date - 55, (SELECT min(x.first_arrival_at)::date FROM study x
                                                         WHERE x.site_id = seen.site_id AND x.last_arrival_at >= last_image_at - interval '56 days')) AS first_day
              FROM seen WHERE last_image_at IS NOT NULL AND last_image_at::date < yq_now()::date - 1) n
        CROSS JOIN LATERAL (SELECT x.first_arrival_at::date AS day FROM study x
                            WHERE x.site_id = n.site_id AND x.last_arrival_at >= n.first_day::timestamptz
                              AND x.first_arrival_at >= n.first_day::timestamptz) s
        GROUP BY 1, 2, 3, 4
    ), silent AS (
        -- Whole days since then (at most 60): what would have come on them. From 3 on silence is hardly chance (one in twenty).
        SELECT u.site_id, u.last_day, sum(u.studies * days.number) AS missing
        FROM usual u
        CROSS JOIN LATERAL (SELECT count(*) AS number
                            FROM generate_series(u.last_day + 1, least(yq_now()::date - 1, u.last_day + 60), interval '1 day') d
                            WHERE extract(isodow FROM d) = u.isodow) days
        GROUP BY 1, 2
    ), found (site_id, ordinal, code, detail) AS (
        SELECT site_id, 1, 'never_connected', '' FROM seen WHERE last_seen_at IS NULL AND has_equipment AND is_expected
        UNION ALL
        SELECT site_id, 2, 'silent', last_day || ' / ' || round(missing, 1) FROM silent WHERE missing >= 3
        UNION ALL
        SELECT n.site_id, 3, 'device_error', coalesce(nullif(d.name, ''), d.calling_ae) || ': ' || d.last_error
        FROM seen n JOIN device d USING (site_id)
        WHERE d.is_enabled AND d.last_error <> '' AND d.last_error_at > yq_now() - interval '30 days'
          AND d.last_error_at > coalesce(n.last_image_at, '-infinity')
        UNION ALL
        SELECT n.site_id, 4, 'charset', coalesce(nullif(d.name, ''), d.calling_ae)
        FROM seen n JOIN device d USING (site_id) WHERE d.is_enabled AND d.charset_verdict IN ('detected', 'undecided')
        UNION ALL
        SELECT y.site_id, 5, 'delivery_dead', count(*)::text FROM delivery y
        WHERE y.state IN ('dead', 'quarantined') AND y.site_id IN (SELECT site_id FROM place) GROUP BY y.site_id
        UNION ALL
        SELECT s.site_id, 6, 'incomplete', count(*)::text FROM study s
        WHERE s.state = 'incomplete' AND s.first_arrival_at > yq_now() - interval '30 days' AND s.site_id IN (SELECT site_id FROM place) GROUP BY s.site_id
        UNION ALL
        SELECT n.site_id, 7, 'clock', coalesce(nullif(d.name, ''), d.calling_ae) || ': ' || round(extract(epoch FROM d.clock_offset)) || ' s'
        FROM seen n JOIN device d USING (site_id)
        WHERE d.is_enabled AND abs(extract(epoch FROM d.clock_offset)) > 600 AND d.clock_measured_at > yq_now() - interval '30 days'
    )
    SELECT n.site_id, n.last_seen_at,
           coalesce((SELECT jsonb_agg(jsonb_build_object('code', w.code, 'detail', w.detail) ORDER BY w.ordinal, w.detail)
                     FROM found w WHERE w.site_id = n.site_id), '[]')
    FROM seen n
$$;

-- Studies of each site on each of the last 30 days of a period.
CREATE FUNCTION figure_days(p_community uuid, p_to date, p_modes text[]) RETURNS TABLE (site_id bigint, daily jsonb)
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT n.site_id, jsonb_agg(n.studies ORDER BY n.day)
    FROM (SELECT f.site_id, d.day::date AS day, coalesce(max(s.studies), 0) AS studies
          FROM figure_sites(p_to) f
          JOIN scope c ON c.scope_id = f.community_id AND c.public_id = p_community
          CROSS JOIN generate_series(p_to - 29, p_to, interval '1 day') AS d (day)
          LEFT JOIN (SELECT x.site_id, x.first_arrival_at::date AS day, count(*) AS studies FROM study x
                     WHERE x.first_arrival_at >= (p_to - 29)::timestamptz AND x.first_arrival_at < (p_to + 1)::timestamptz
                       AND (p_modes IS NULL OR x.reading_mode = ANY (p_modes))
                     GROUP BY 1, 2) s ON s.site_id = f.site_id AND s.day = d.day::date
          GROUP BY 1, 2) n
    GROUP BY n.site_id
$$;

REVOKE EXECUTE ON FUNCTION figure_reach, figure_sites, figure_facts, figure_critical, figure_wrong, figure_days FROM PUBLIC;
GRANT EXECUTE ON FUNCTION figure_reach, figure_sites, figure_facts, figure_critical, figure_wrong, figure_days TO yq_gateway, yq_operator;
