"""The corrections of the day that go beyond a match, by the API, as a radiographer makes them who knows whose images they are.

Two views that came as two studies are merged, what was mistyped is put right, and of two claims in 待核对 is said whether they are of one person. An
installation that does not offer this answers 404, and then nothing of it is done.
"""
import collections

MERGED, EDITED, TAKEN_BACK, SETTLED = 0.5, 0.5, 0.2, 0.6  # shares
MISTYPED = {"name_swapped", "sex_mistyped", "birth_from_age"}


class Corrections:
    """work: whose chance and counts these are. radiographer: of the site."""

    def __init__(self, work, site):
        self.work, self.site = work, site
        self.radiographer = work.centre.radiographer(site)

    def make(self):
        if self.radiographer.ask("GET", "/corrections?limit=1").status != 200:
            return
        rows = self.work.today(self.radiographer)
        studies = self._studies_of_examinations(rows)
        for exam, of_exam in studies.items():
            if exam in self.work.corrected:
                continue
            self.work.corrected.add(exam)
            if "views_apart" in exam.kinds and len(of_exam) == 2 and self.work.chance("merge", exam, MERGED):
                self._correct(of_exam[1], {"kind": "merge", "target_study_id": of_exam[0]}, "正侧位合并")
            elif exam.kinds & MISTYPED and len(of_exam) == 1 and self.work.chance("edit", exam, EDITED):
                self._edit(of_exam[0], exam)
        self._settle({study: exam for exam, of_exam in studies.items() for study in of_exam})

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

    def _correct(self, study, body, reason):
        """Looked at, then done; somebody else's change in between stops it, and is looked at by nobody here. The correction, or None."""
        target = f"/studies/{study}/corrections"
        preview = self.radiographer.ask("POST", target + "/preview", body)
        if preview.status == 409:
            return None
        assert preview.status == 200, preview
        done = self.radiographer.ask("POST", target, {**body, "reason": reason, "revision": preview.body["revision"],
                                                      "confirmed": preview.body["contradictions"]})
        assert done.status in (201, 409), done
        self.work.counts[f"corrections: {body['kind']}"] += done.status == 201
        return done.body["id"] if done.status == 201 else None

    def _edit(self, study, exam):
        person = exam.person
        body = {"kind": "edit_patient", "patient": {"name": person.han, "sex": person.sex, "birth_date": person.birth.isoformat()}}
        made = self._correct(study, body, "按登记更正")
        if made and self.work.chance("undo", exam, TAKEN_BACK):
            preview = self.radiographer.post(f"/corrections/{made}/undo/preview")
            undone = self.radiographer.ask("POST", f"/corrections/{made}/undo", {"reason": "看错了", "revision": preview["revision"]})
            assert undone.status in (201, 409), undone
            self.work.counts["corrections: undone"] += undone.status == 201

    def _settle(self, exam_of):
        for review in self.radiographer.pages("/identity-reviews?open=yes", "reviews"):
            exams = [exam_of.get(claim.get("study_id")) for claim in review["claims"]]
            if None in exams or not self.work.chance("settle", exams[0], SETTLED):
                continue
            is_same = exams[0].person is exams[1].person
            answer = self.radiographer.ask("POST", f"/identity-reviews/{review['id']}/settle", {
                "outcome": "same" if is_same else "different", "reason": "核对身份证", "confirmed": review["contradictions"] if is_same else []})
            assert answer.status in (200, 409), answer
            self.work.counts["doubts settled"] += answer.status == 200
