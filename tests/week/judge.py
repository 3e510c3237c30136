"""What became of every image, against the truth.

    verdict = Judge(centre, work).verdict()
    verdict.faults         # one line for each image and rule that it breaks; empty: all is well
    verdict.table          # kind of dirt -> Counter of where its images are

An acknowledged image is in one place: under its study, or kept beside as 图像冲突, or as 异常数据. One that is in a study is under the right
person, or the study stands in a list that says why it is not (待匹配, 待核对). What was refused is the sender's to keep, and only what cannot be
indexed may be refused; what a person corrected of it is in its place like any other. What people decided stands as they left it (deeds.py). The lists are
those that people see, by the API; the places are looked up in the ledger.
"""
import collections
import datetime
import json

import deeds

PLACED = """
SELECT s.scope_id, s.name, i.sop_instance_uid, encode(i.sha256, 'hex'), i.arrived_at AT TIME ZONE 'Asia/Shanghai', coalesce(st.public_id::text, ''),
       coalesce(c.patient_id::text, ''), coalesce(replace(c.name, E'\\n', ' '), ''), i.charset_verdict,
       coalesce((SELECT string_agg(r.public_id || ' ' || m.method, ',') FROM request_match m JOIN request r USING (request_id)
                 WHERE m.study_id = st.study_id AND m.undone_at IS NULL), ''),
       coalesce(st.state, ''), coalesce(c.claim_id::text, '')
FROM instance i JOIN scope s ON s.scope_id = i.site_id
LEFT JOIN series e USING (series_id) LEFT JOIN study st USING (study_id) LEFT JOIN identity_claim c USING (claim_id)
WHERE i.origin = 'device'"""
CONFLICTS = """
SELECT s.name, i.sop_instance_uid, encode(k.sha256, 'hex'), k.public_id, k.kind, k.settled_at IS NOT NULL, k.settled_by IS NOT NULL
FROM instance_conflict k JOIN instance i USING (instance_id) JOIN scope s ON s.scope_id = k.site_id"""
REGISTERED = "SELECT r.public_id, c.patient_id, c.claim_id FROM request r JOIN identity_claim c USING (claim_id)"
QUARANTINED = "SELECT q.public_id, q.object_key FROM quarantine q WHERE q.state <> 'indexed'"
REVIEWS = "SELECT claim_id, other_claim_id FROM identity_review WHERE settled_at IS NULL"
PATIENCE = datetime.timedelta(minutes=30)


class Placed:
    def __init__(self, row):
        (_, self.site, self.sop, self.sha256, arrived, self.study, self.patient, self.name, self.charset, requests, self.state, self.claim) = row
        self.arrived = datetime.datetime.fromisoformat(arrived)
        self.requests = [tuple(one.split()) for one in requests.split(",") if one]  # (public id, method)


class Verdict:
    def __init__(self):
        self.faults, self.table, self.places = [], collections.defaultdict(collections.Counter), {}
        self.names = collections.Counter()

    def fault(self, image, rule):
        line = f"image {image.sop_uid} of examination {image.exam.number} at {image.exam.site} ({', '.join(image.exam.dirt() + image.dirt)}): {rule}"
        if line not in self.faults:
            self.faults.append(line)

    def put(self, image, place):
        self.places[id(image)] = place
        kinds = set(image.exam.dirt() + image.dirt)
        for kind in kinds if kinds - {"shared_title"} else kinds | {"clean"}:
            self.table[kind][place] += 1
        self.table["all"][place] += 1


class Judge:
    def __init__(self, centre, work):
        self.centre, self.work = centre, work
        self.placed = {}
        for row in centre.sql(PLACED):
            one = Placed(row)
            self.placed.setdefault((one.site, one.sop), []).append(one)
        self.conflicts = {(site, sop, digest): (public, kind, settled == "t", by_hand == "t")
                          for site, sop, digest, public, kind, settled, by_hand in centre.sql(CONFLICTS)}
        self.uid_now = {(site, image.sha256): uid for (site, uid), image in work.renamed.items()}
        self.quarantined = {public: self._kept_bytes(key) for public, key in centre.sql(QUARANTINED)}
        self.registered = {public: (patient, claim) for public, patient, claim in centre.sql(REGISTERED)}
        self.doubted = {claim for pair in centre.sql(REVIEWS) for claim in pair}
        operator = centre.person("operator")
        self.unmatched = {row["id"] for row in operator.pages("/studies?matched=no", "studies")}
        self.listed_conflicts = {row["id"] for row in operator.pages("/conflicts", "conflicts")}
        self.listed_quarantine = {row["id"] for row in operator.pages("/quarantine", "quarantined")}
        self.result = Verdict()
        self.first_sent = {}
        for image in work.sent:
            key = (image.exam.site, image.sop_uid, image.sha256)
            self.first_sent[key] = min(image.sent_at, self.first_sent.get(key, image.sent_at))

    def _kept_bytes(self, key):
        """Of an object that was set apart: it lies in the store, or beside the journal."""
        home = self.centre.home
        for path in [home / "store" / key[:2] / key[2:4] / key, *(home / "journal" / "quarantine").glob(key + "*"),
                     *(home / "journal" / "quarantine").glob(f"*{key}*")]:
            if path.is_file():
                return path.read_bytes()
        return b""

    def verdict(self):
        for image in self.work.sent:
            self.result.put(image, self._place(image))
        self._one_person_each()
        self._nothing_more()
        self.result.faults += self.work.faults + deeds.check(self.centre, self.work)
        return self.result

    def _here(self, image):
        """The rows of the ledger under the UID of an image; of one that got another UID, under that."""
        return self.placed.get((image.exam.site, self.uid_now.get((image.exam.site, image.sha256), image.sop_uid)), [])

    # --- one image --------------------------------------------------------------------------------------------------------

    def _place(self, image):
        here = self._here(image)
        if image.status != 0 and not (here and here[0].sha256 == image.sha256):
            if image.is_sound:
                self.result.fault(image, f"refused ({image.status}) though it can be indexed")
            return "refused"
        if len(here) > 1:
            self.result.fault(image, "doubled: in the ledger more than once")
        if here and here[0].sha256 == image.sha256:
            return self._in_a_study(image, here[0])
        conflict = self.conflicts.get((image.exam.site, image.sop_uid, image.sha256))
        if conflict:
            return self._beside(image, here[0], *conflict)
        kept = next((public for public, content in self.quarantined.items() if image.bytes in content), None)
        if kept:
            if kept not in self.listed_quarantine:
                self.result.fault(image, "set apart and not listed in 异常数据")
            return "异常数据"
        self.result.fault(image, "lost: acknowledged, and its bytes are nowhere")
        return "lost"

    def _beside(self, image, here, public, kind, is_settled, is_by_hand):
        """Kept as a conflict: listed, unless a person decided, or it was settled by itself, which only the same picture may be."""
        if not is_settled:
            if public not in self.listed_conflicts:
                self.result.fault(image, "in conflict and not listed in 图像冲突")
            return "图像冲突"
        if is_by_hand:
            return "beside, as decided"
        same = [other for other in self.work.sent if other.exam.site == image.exam.site and other.sha256 == here.sha256]
        if not same or same[0].pixels != image.pixels or same[0].exam.person is not image.exam.person:
            self.result.fault(image, f"a conflict with another picture was settled by itself ({kind})")
        return "the same, encoded anew"

    def _in_a_study(self, image, here):
        exam = image.exam
        first_sent = self.first_sent[(exam.site, image.sop_uid, image.sha256)]
        if abs(here.arrived - first_sent) > PATIENCE:
            self.result.fault(image, f"filed under {here.arrived}, sent at {first_sent}")
        for request, method in here.requests:
            other = self.work.requests.get(request)
            if other is not exam:
                what = "another person" if other is None or other.person is not exam.person else "another examination"
                self.result.fault(image, f"matched ({method}) to the request of {what}")
        if here.requests:
            return "right by itself" if here.requests[0][1] == "automatic" else "right by hand"
        if here.study not in self.unmatched:
            self.result.fault(image, "its study has no request and is not listed in 待匹配")
        return "待核对 and 待匹配" if here.claim in self.doubted else "待匹配"

    # --- all together -------------------------------------------------------------------------------------------------------

    def _one_person_each(self):
        """A study has the images of one person, and a patient of the ledger is one person, whatever was typed."""
        in_study, of_patient = collections.defaultdict(dict), collections.defaultdict(dict)
        for image in self.work.sent:
            here = (self._here(image) or [None])[0]
            if here and here.sha256 == image.sha256 and here.study:
                in_study[here.study].setdefault(image.exam.person, image)
                of_patient[here.patient].setdefault(image.exam.person, image)
                self._name(image, here)
        for public, exam in self.work.requests.items():
            of_patient[self.registered[public][0]].setdefault(exam.person, None)
        for what, groups in (("its study", in_study), ("its patient", of_patient)):
            for persons in groups.values():
                if len(persons) > 1:
                    image = next((one for one in persons.values() if one), None)
                    if image:
                        others = [f"{one.exam.number}" if one else "a request" for one in persons.values() if one is not image]
                        self.result.fault(image, f"{what} is also that of another person (examination {', '.join(others)})")
                    else:
                        self.result.faults.append(f"requests of two persons have one patient: {', '.join(str(one.number) for one in persons)}")

    def _name(self, image, here):
        """Was the name read rightly? Only where it was written in characters, and by the image that gave the study its claim."""
        person = image.exam.person
        if image.exam.device.habits["name"] == "name_pinyin" or "name_blank" in image.exam.kinds:
            return
        letters = "".join(here.name.split("=")[-1].split("^"))
        if letters in (person.han, person.given[0] + person.surname[0]):
            self.result.names["read rightly"] += 1
        elif here.charset == "undecided":
            self.result.names["not decided, and said so"] += 1
        else:
            self.result.names["read wrongly"] += 1
            self.result.fault(image, f"its name is read wrongly, and the verdict is {here.charset}")

    def _nothing_more(self):
        """What is in the ledger was sent: no object under another UID, none twice."""
        sent = {(image.exam.site, image.sop_uid, image.sha256) for image in self.work.sent if image.status == 0}
        sent |= {(site, uid, image.sha256) for (site, uid), image in self.work.renamed.items()}
        beside = [key for key in self.conflicts if (key[0], key[2]) not in self.uid_now]  # one that was made an image of its own is in its study
        rows = [(one.site, one.sop, one.sha256) for rows in self.placed.values() for one in rows] + beside
        if len(rows) != len(set(rows)):
            self.result.faults.append("an object is in the ledger twice")
        for site, sop, _ in set(rows) - sent:
            self.result.faults.append(f"image {sop} at {site}: in the ledger, and never sent like this")
        check = self.centre.yqctl("store", "check", "--json", "--orphan-grace", "0 s", status=None)
        found = json.loads(check.stdout)
        wrong = {name: found[name] for name in ("missing", "mismatched", "orphans", "pending") if found[name]}
        if wrong:
            self.result.faults.append(f"the store check finds {wrong}")
