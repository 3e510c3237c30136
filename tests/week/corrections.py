"""The corrections of the day that go beyond a match, by the API, as a radiographer makes them who knows whose images they are.

Images that were made under the patient before are parted from him, or moved to where they belong; two views that came as two studies are merged; what was
mistyped is put right; of two claims in 待核对 is said whether they are of one person. Of each some are taken back, and made again where they were right. What was
done stands in Work.deeds, for the judge.
"""
import collections

MERGED, EDITED, TAKEN_BACK, SETTLED = 0.5, 0.5, 0.2, 0.6  # shares
MISTYPED = {"name_swapped", "sex_mistyped", "birth_from_age"}
TRIES = 5  # somebody else's change in between: looked at again


class Deed:
    """What somebody did: kind, the id of its record, and what must be so as long as it stands (is_standing)."""

    def __init__(self, kind, record, exam, **facts):
        self.kind, self.record, self.exam, self.facts, self.is_standing = kind, record, exam, facts, True


class Corrections:
    """work: whose chance and counts these are. radiographer: of the site."""

    def __init__(self, work, site):
        self.work, self.site = work, site
        self.radiographer = work.centre.radiographer(site)

    def make(self):
        studies = self._studies_of_examinations(self.work.today(self.radiographer))
        for exam, of_exam in studies.items():
            if exam in self.work.corrected:
                continue
            self.work.corrected.add(exam)
            if "views_apart" in exam.kinds and len(of_exam) == 2 and self.work.chance("merge", exam, MERGED):
                self._merge(exam, *of_exam)
            elif exam.kinds & MISTYPED and len(of_exam) == 1 and self.work.chance("edit", exam, EDITED):
                self._edit(of_exam[0], exam)
        self._settle()

    # --- what every correction is made with --------------------------------------------------------------------------------

    def _correct(self, study, body, exam, reason, **facts):
        """Looked at, then done; when somebody else changed the study in between, looked at again. The deed, or None when it cannot be."""
        target = f"/studies/{study}/corrections"
        for _ in range(TRIES):
            preview = self.radiographer.ask("POST", target + "/preview", body)
            if preview.status == 409:
                return None
            assert preview.status == 200, preview
            done = self.radiographer.ask("POST", target, {**body, "reason": reason, "revision": preview.body["revision"],
                                                          "confirmed": preview.body["contradictions"]})
            assert done.status in (201, 409), done
            if done.status == 201:
                self.work.counts[f"corrections: {body['kind']}"] += 1
                deed = Deed(body["kind"], done.body["id"], exam, study=study, arrived=done.body["study_id"], **facts)
                self.work.deeds.append(deed)
                return deed
        return None

    def _take_back(self, deed):
        """True when it was; 409: something stands on it by now."""
        preview = self.radiographer.ask("POST", f"/corrections/{deed.record}/undo/preview", {})
        if preview.status == 409:
            return False
        undone = self.radiographer.ask("POST", f"/corrections/{deed.record}/undo", {"reason": "看错了", "revision": preview.body["revision"]})
        assert undone.status in (201, 409), undone
        deed.is_standing = undone.status != 201
        self.work.counts["corrections: undone"] += undone.status == 201
        return undone.status == 201

    def _expect(self, holds, deed, what):
        if not holds:
            self.work.faults.append(f"{deed.kind} {deed.record} of examination {deed.exam.number} at {self.site}: {what}")

    # --- images under the patient before -------------------------------------------------------------------------------------

    def refile(self):
        """First of all, so that nothing else is done under a wrong name."""
        lost = collections.defaultdict(list)
        for image in self.work.sent:
            if image.is_misfiled and image.status == 0 and image.exam.site == self.site and image.exam not in self.work.refiled:
                lost[image.exam].append(image)
        if not lost:
            return
        rows = self.radiographer.pages("/studies", "studies")
        for exam, images in lost.items():
            before = {image.exam for image in self.work.sent if image.study_uid == images[0].study_uid and image.exam is not exam}
            sources, own = ({image.study_uid for image in self.work.sent if image.exam in exams} for exams in (before, {exam}))
            self._refile_one(exam, images, [row["id"] for row in rows if row["study_instance_uid"] in sources],
                             [row["id"] for row in rows if row["study_instance_uid"] in own - sources])

    def _refile_one(self, exam, images, sources, own):
        """In which of the studies of the patient before they are: that one's may have been merged. Whole series go as such, so that what is still to come
        follows them."""
        wanted = {image.sop_uid for image in images}
        for study in sources:
            held = self.work.held(self.radiographer, study)
            whole = [series for series, uids in held.items() if uids <= wanted]
            single = [uid for series, uids in held.items() if series not in whole for uid in uids & wanted]
            if whole or single:
                break
        else:
            return
        what = {name: chosen for name, chosen in (("series", whole), ("instances", single)) if chosen}
        moved = {uid for uids in held.values() for uid in uids & wanted}
        deed = self._refile_to(study, exam, what, own, moved)
        if deed and self.work.chance("undo", exam, TAKEN_BACK) and self._take_back(deed):
            self._expect(self.work.held(self.radiographer, study) == held, deed, "taken back, its images are not where they were")
            deed = self._refile_to(study, exam, what, own, moved)
        if deed:
            self.work.refiled.add(exam)

    def _refile_to(self, study, exam, what, own, moved):
        if own:
            return self._correct(study, {"kind": "move_images", "target_study_id": own[0], **what}, exam, "侧位拍到了前一位名下", moved=moved)
        person = exam.person
        patient = {"name": person.han, "sex": person.sex, "birth_date": person.birth.isoformat(), "patient_id": person.local_id}
        request = next((public for public, other in self.work.requests.items() if other is exam), None)
        whose = [{"request_id": request}] * bool(request) + [{"patient": patient}]
        made = (self._correct(study, {"kind": "split", **what, **one}, exam, "忘了换患者", moved=moved) for one in whose)
        return next((deed for deed in made if deed), None)

    # --- two views, and what was mistyped --------------------------------------------------------------------------------------

    def _studies_of_examinations(self, rows):
        """Of those whose study UID nobody else had: the first that came first. A study that was split bears somebody else's UID."""
        of_uid = collections.defaultdict(set)
        for image in self.work.sent:
            if image.exam.site == self.site:
                of_uid[image.study_uid].add(image.exam)
        studies = collections.defaultdict(list)
        for row in reversed(rows):
            exams = of_uid[row["study_instance_uid"]]
            if len(exams) == 1:
                studies[next(iter(exams))].append(row["id"])
        return studies

    def _merge(self, exam, first, second):
        body, moved = {"kind": "merge", "target_study_id": first}, set().union(*self.work.held(self.radiographer, second).values())
        deed = self._correct(second, body, exam, "正侧位合并", moved=moved)
        if deed and self.work.chance("undo", exam, TAKEN_BACK) and self._take_back(deed):
            again = self.work.held(self.radiographer, second)
            self._expect(set().union(*again.values()) >= moved, deed, "taken back, its images are not where they were")
            self._correct(second, body, exam, "正侧位合并", moved=moved)

    def _edit(self, study, exam):
        person, before = exam.person, self._name(study)
        body = {"kind": "edit_patient", "patient": {"name": person.han, "sex": person.sex, "birth_date": person.birth.isoformat()}}
        deed = self._correct(study, body, exam, "按登记更正")
        if not deed:
            return
        self._expect(self._name(study) == person.han, deed, "the study does not bear the name")
        if self.work.chance("undo", exam, TAKEN_BACK) and self._take_back(deed):
            self._expect(self._name(study) == before, deed, "taken back, the study does not bear the name that it had")

    def _name(self, study):
        return self.radiographer.get(f"/studies/{study}")["patient"]["display_name"]

    # --- 待核对 ------------------------------------------------------------------------------------------------------------------

    def _settle(self):
        """By the pictures; of a claim without any, of a request, nothing is said. What was taken back waits on."""
        known = {deed.record for deed in self.work.deeds if deed.kind == "review"}
        for review in self.radiographer.pages("/identity-reviews?open=yes", "reviews"):
            if review["id"] in known:
                continue
            seen = [self.work.seen(self.radiographer, claim["study_id"]) for claim in review["claims"] if claim["study_id"]]
            if [len(exams) for exams in seen] == [1, 1]:
                (exam,), (other,) = seen
                if self.work.chance("settle", exam, SETTLED):
                    self._settle_one(review, exam, other)

    def _settle_one(self, review, exam, other):
        outcome = "same" if exam.person is other.person else "different"
        answer = self.radiographer.ask("POST", f"/identity-reviews/{review['id']}/settle", {
            "outcome": outcome, "reason": "核对身份证", "confirmed": review["contradictions"] if outcome == "same" else []})
        assert answer.status in (200, 409), answer
        if answer.status != 200:
            return
        self.work.counts[f"identity reviews: {outcome}"] += 1
        deed = Deed("review", review["id"], exam, outcome=outcome)
        self.work.deeds.append(deed)
        if self.work.chance("settled undone", exam, TAKEN_BACK):
            undone = self.radiographer.ask("POST", f"/identity-reviews/{review['id']}/undo", {"reason": "再核对"})
            assert undone.status in (200, 409), undone
            deed.is_standing = undone.status != 200
            self.work.counts["identity reviews: undone"] += undone.status == 200
