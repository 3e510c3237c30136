"""What a week took: how long the lists are at the end of each day, and how long things lasted, as ledger and log have it."""
import re

PERCENTILES = (("median", 0.5), ("90 %", 0.9), ("99 %", 0.99), ("longest", 1.0))

# Seconds by our own clock, which stands still in no session and jumps only while nothing is on its way.
CATCH_UP = """
SELECT extract(epoch FROM r.indexed_at - r.arrived_at) FROM reception r LEFT JOIN instance i USING (instance_id) WHERE i.origin IS DISTINCT FROM 'own'
  AND NOT EXISTS (SELECT FROM quarantine q WHERE q.object_key = r.object_key)  -- what a person brought in later
  AND NOT EXISTS (SELECT FROM instance_conflict c WHERE c.separate_instance_id = r.instance_id)"""
COMPLETION = """
SELECT extract(epoch FROM min(k.at) - g.at) FROM
    (SELECT study_id, min(created_at) AS at FROM study_signal WHERE kind = 'submit' GROUP BY 1) g
JOIN (SELECT study_id, handled_at AS at FROM study_signal WHERE kind = 'submit' AND handled_at IS NOT NULL) k USING (study_id)
GROUP BY study_id, g.at"""
OPENING = """
SELECT extract(epoch FROM t.opened_at - s.completed_at) FROM reading_task t JOIN study s USING (study_id)
WHERE t.kind = 'primary' AND t.opened_at >= s.completed_at"""
RETURN = """
SELECT extract(epoch FROM d.delivered_at - v.issued_at) FROM delivery d JOIN report_version v USING (report_version_id)
WHERE d.state = 'delivered'"""


def _spread(values):
    values = sorted(values)
    if not values:
        return None
    return {name: values[min(len(values) - 1, int(share * len(values)))] for name, share in PERCENTILES} | {"count": len(values)}


def _ledger(centre, query):
    return [float(row[0]) for row in centre.sql(query) if row[0]]


def times(centre):
    """What lasted how long: name -> median, 90 %, 99 %, longest, in seconds, and of how many; None where there was nothing."""
    answers = [int(ms) / 1000 for ms in re.findall(r"object_stored .*elapsed_ms=(\d+)", centre.log("yq-storescp"))]
    return {
        "answer to an image (first byte to durable)": _spread(answers),
        "answered to in the ledger": _spread(_ledger(centre, CATCH_UP)),
        "提交诊断 to complete": _spread(_ledger(centre, COMPLETION)),
        "complete to in the queue": _spread(_ledger(centre, OPENING)),
        "issued to at the site": _spread(_ledger(centre, RETURN)),
    }


def lists(centre):
    """How long each list is now, as people see it."""
    operator, reporter = centre.person("operator"), centre.person("reporter0")
    studies = operator.pages("/studies", "studies")
    return {
        "studies": len(studies),
        "待匹配": len(operator.pages("/studies?matched=no", "studies")),
        "待核对": len(operator.pages("/identity-reviews?open=yes", "reviews")),
        "图像冲突": sum(row["settled_at"] is None for row in operator.pages("/conflicts", "conflicts")),
        "异常数据": sum(row["settled_at"] is None for row in operator.pages("/quarantine", "quarantined")),
        "图像未齐": sum(row["state"] == "incomplete" for row in studies),
        "待诊断": reporter.get("/queue?limit=1&state=awaiting")["total"],
    }
