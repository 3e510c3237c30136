"""A session of a county's day: people register, devices send what they send, radiographers submit and put right, readers report.

Everything goes in by the doors that people use: DCMTK's senders and the JSON API. What went over the wire is kept with its truth in
Work.sent; of what has no findable answer (storescu stopped) nothing is assumed.
"""
import collections
import concurrent.futures
import os
import random
import re
import subprocess

import dicomgen
from corrections import Corrections
from county import READERS, Refused
from dicomraw import Association
from dirt import Sending
from doubts import Doubts
from installation import PATIENCE_S

SENDERS, CHUNK = 4, 20
SUBMITTED, CORRECTED, SLIPS = 0.6, 0.7, 0.1  # shares: submitted by hand, matched by hand, at first with the wrong request
BODY = {"method": "数字摄影。", "findings": "双肺野清晰。", "impression": "未见明显异常。", "recommendation": "", "result": "negative", "is_critical": False,
        "quality_grade": "甲", "quality_reason": ""}
MODALITIES = {"DX": "DR", "CT": "CT", "US": "US"}


class Work:
    def __init__(self, centre, seed):
        self.centre, self.county, self.seed = centre, centre.county, seed
        self.sent, self.exams, self.requests = [], [], {}  # requests: public id -> examination
        self.corrected, self.refiled = set(), set()  # examinations that a radiographer has gone through; that were under another patient
        self.renamed = {}  # (site, SOP instance UID) under which an image came in that was sent under another -> image
        self.deeds, self.faults = [], []  # what people did; what was not right at once
        self.late = []  # images that are sent in the next session
        self.counts = collections.Counter()
        self.seconds = collections.defaultdict(list)
        self.folder = centre.home / "sending"
        self.folder.mkdir(exist_ok=True)

    # --- a session -------------------------------------------------------------------------------------------------------

    def session(self, now, plans, readings):
        """plans: site -> examinations. readings: how many reports are written."""
        self.centre.move(now)
        exams = [exam for session in plans.values() for exam in session]
        self.exams += exams
        self._at_once(self._register, [exam for exam in exams if exam.is_registered and "registered_late" not in exam.kinds])
        for session in plans.values():
            self.county.type_accessions(session)
        late, self.late = self.late, []
        self._send([[image] for image in late])
        sendings = [Sending(self.county, exam, now) for exam in exams]
        self._send([sending.images("first") for sending in sendings])
        self._send([sending.images("again") for sending in sendings])
        self.late += [image for sending in sendings for image in sending.images("late")]
        self.seconds["catch-up"].append(self.centre.await_ledger())
        self._submit(exams)
        self._at_once(self._register, [exam for exam in exams if "registered_late" in exam.kinds])
        self.centre.await_router()
        self._at_once(self._correct, list(plans))
        self.centre.await_router()
        self._read(readings)
        self.centre.await_router()

    def end_of_day(self):
        """The duty leader goes through what is in doubt."""
        Doubts(self).settle()
        self.centre.await_router()

    def chance(self, what, exam, share):
        """The same for every run with the seed, whichever thread asks first."""
        return random.Random(f"{self.seed} {what} {exam.number}").random() < share

    def _at_once(self, act, things):
        with concurrent.futures.ThreadPoolExecutor(SENDERS) as pool:
            list(pool.map(act, things))

    # --- 登记 ---------------------------------------------------------------------------------------------------------------

    def _register(self, exam):
        person = exam.person
        form = {"name": person.han, "sex": person.sex, "birth_date": person.birth.isoformat(), "patient_class": exam.patient_class,
                "patient_id": person.local_id, "modality": MODALITIES[exam.device.modality], "body_part": "CHEST", "history": "咳嗽三天",
                "department": "内科", "doctor": "陈医生", "clinical_diagnosis": "待查"}
        if exam.number % 3:
            form["document"] = person.document
        made = self.centre.radiographer(exam.site).post("/requests", form)
        exam.accession = made["accession_number"]
        self.requests[made["id"]] = exam

    # --- sending --------------------------------------------------------------------------------------------------------------

    def _send(self, groups):
        """Each device sends in its order, a chunk an association; different devices at once. The images of a CT come over several at once."""
        by_device = collections.defaultdict(list)
        for group in groups:
            for image in group:
                by_device[image.exam.device].append(image)
        chunks = {device: [images[n : n + CHUNK] for n in range(0, len(images), CHUNK)] for device, images in by_device.items()}
        self._at_once(self._send_in_order, chunks.values())

    def _send_in_order(self, chunks):
        for chunk in chunks:
            odd = [image for image in chunk if not image.is_sound]
            self._associations([image for image in chunk if image.is_sound])
            for image in odd:
                self._send_raw(image)
            now = self.centre.now()
            for image in chunk:
                image.sent_at = now
            self.sent += chunk

    def _associations(self, images):
        if not images:
            return
        if images[0].exam.device.modality == "CT":
            with concurrent.futures.ThreadPoolExecutor(3) as pool:
                list(pool.map(self._storescu, [part for part in (images[n::3] for n in range(3)) if part]))
        else:
            self._storescu(images)

    def _storescu(self, images):
        """DCMTK's storescu; its answers stand in its log in the order of the files."""
        device = images[0].exam.device
        paths = []
        for image in images:
            paths.append(self.folder / f"{id(image):x}.dcm")
            paths[-1].write_bytes(image.part10())
        options = ["-v", "-nh", "-R", "-aet", device.title, "-aec", device.called or "YINGQIAO"]
        for syntax, proposal in ((dicomgen.EXPLICIT, "-xe"), (dicomgen.IMPLICIT, "-xi")):
            some = [(image, path) for image, path in zip(images, paths) if image.syntax == syntax]
            if some:
                self._run_storescu([*options, proposal], some)
        for path in paths:
            path.unlink()

    def _run_storescu(self, options, pairs):
        done = subprocess.run(["storescu", *options, "127.0.0.1", str(self.centre.dicom_port), *[str(path) for _, path in pairs]], text=True,
                              capture_output=True, env={**os.environ, "TCP_NODELAY": "1"}, timeout=5 * PATIENCE_S, errors="replace")
        answers = re.findall(r"Received Store Response \((.*)\)", done.stdout + done.stderr)
        assert len(answers) == len(pairs), f"{len(answers)} answers for {len(pairs)} objects\n{done.stdout[-3000:]}{done.stderr[-3000:]}"
        for (image, _), answer in zip(pairs, answers):
            image.status = 0 if answer == "Success" else answer

    def _send_raw(self, image):
        """What DCMTK's senders would not send."""
        device = image.exam.device
        with Association("127.0.0.1", self.centre.dicom_port, device.title, device.called or "YINGQIAO", [(image.sop_class, [image.syntax])]) as peer:
            image.status = peer.store(image.sop_class, image.sop_uid, image.bytes, image.syntax)

    # --- 提交诊断 --------------------------------------------------------------------------------------------------------------

    def _submit(self, exams):
        """By those who press it: the others leave it to the quiet time."""
        wanted = {}
        for image in self.sent:
            if image.exam in exams and image.status == 0 and not image.is_misfiled and ("emergency" in image.exam.kinds or self.chance("submit", image.exam, SUBMITTED)):
                wanted[(image.exam.site, image.study_uid)] = image.exam
        by_site = collections.defaultdict(dict)
        for (site, uid), exam in wanted.items():
            by_site[site][uid] = exam
        self._at_once(self._submit_at, by_site.items())

    def _submit_at(self, things):
        site, wanted = things
        radiographer = self.centre.radiographer(site)
        for row in self.today(radiographer):
            exam = wanted.get(row["study_instance_uid"])
            if exam:
                radiographer.post(f"/studies/{row['id']}/submit", {"patient_class": "emergency"} if "emergency" in exam.kinds else {})
                self.counts["submitted"] += 1

    @staticmethod
    def held(person, study):
        """What is in a study as this person sees it: series UID -> SOP instance UIDs, without our own objects."""
        return {one["series_instance_uid"]: {image["sop_instance_uid"] for image in one["instances"]}
                for one in person.get(f"/studies/{study}")["series"] if one["origin"] != "own"}

    def seen(self, person, study):
        """Of whose examinations the images in a study are, by the pictures."""
        pictures = {image["sha256"] for one in person.get(f"/studies/{study}")["series"] for image in one["instances"]}
        return {image.exam for image in self.sent if image.sha256 in pictures}

    def today(self, person, query=""):
        return person.pages(f"/studies?day={self.centre.now():%Y-%m-%d}{query}", "studies")

    # --- corrections of the day -------------------------------------------------------------------------------------------------

    def _correct(self, site):
        """The radiographer goes through 待匹配 and knows, for most, whose images they are."""
        radiographer, corrections = self.centre.radiographer(site), Corrections(self, site)
        corrections.refile()
        known = collections.defaultdict(set)
        for image in self.sent:
            if image.exam.site == site:
                known[image.study_uid].add(image.exam)
        for row in self.today(radiographer, "&matched=no"):
            exams = known[row["study_instance_uid"]]
            if len(exams) > 1:
                exams = self.seen(radiographer, row["id"])
            if len(exams) == 1 and self.chance("match", *exams, CORRECTED):
                self._match(radiographer, row, *exams)
        corrections.make()

    def _match(self, radiographer, row, exam):
        candidates = radiographer.get(f"/studies/{row['id']}/match-candidates")["candidates"]
        right = [one["request"]["id"] for one in candidates if self.requests.get(one["request"]["id"]) is exam]
        wrong = [one["request"]["id"] for one in candidates if one["request"]["id"] not in right]
        if not right:
            return
        target = f"/studies/{row['id']}"
        if wrong and self.chance("slip", exam, SLIPS) and radiographer.ask("POST", target + "/match", {"request_id": wrong[0]}).status == 200:
            radiographer.post(target + "/unmatch", {"reason": "选错了"})
            self.counts["slips taken back"] += 1
        got = radiographer.ask("POST", target + "/match", {"request_id": right[0], "reason": "核对姓名"})
        if got.status not in (200, 409):  # 409: it has met its request meanwhile
            raise Refused(f"match: {got.status} {got.body}")
        self.counts["matched by hand"] += got.status == 200

    # --- reading ------------------------------------------------------------------------------------------------------------------

    def _read(self, count):
        shares = [count // READERS + (n < count % READERS) for n in range(READERS)]
        self._at_once(lambda one: self._read_some(*one), enumerate(shares))

    def _read_some(self, reader, count):
        reporter, reviewer = self.centre.person(f"reporter{reader}"), self.centre.person(f"reviewer{reader}")
        for _ in range(count):
            got = reporter.post("/queue/next", {"work": "write"})
            if got["task"] is None:
                return
            self._report(reporter, reviewer, f"/tasks/{got['task']['id']}", got["lease"])

    def _report(self, reporter, reviewer, task, lease):
        draft = reporter.put(task + "/draft", {"lease_token": lease["lease_token"], "revision": 0, "body": BODY})
        submitted = reporter.ask("POST", task + "/submit", {"lease_token": lease["lease_token"], "revision": draft["revision"],
                                                            "study_version": lease["study_version"], "password": reporter.password})
        if submitted.status == 409:  # the study changed under the pen: left to its author
            self.counts["reports held up by a change"] += 1
            return
        assert submitted.status == 200, submitted
        lease = reviewer.post(task + "/review")
        reviewer.post(task + "/sign", {"lease_token": lease["lease_token"], "password": reviewer.password})
        self.counts["reports issued"] += 1
