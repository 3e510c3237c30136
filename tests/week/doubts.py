"""What the duty leader does at the end of a day: 图像冲突 and 异常数据, by the API, with both pictures before him; and the reviewer with what corrections propose
for issued reports.

Work.renamed learns under which UID an image is that was made one of its own, or came in under another; Work.deeds, for the judge, what was decided.
"""
from corrections import TAKEN_BACK, Deed

REPLACED, CLOSED, LEFT = 0.3, 0.1, 0.1  # shares: the other picture is the better one; nobody's image; not dealt with today


class Doubts:
    def __init__(self, work):
        self.work, self.leader = work, work.centre.person("leader")
        self.bytes = {image.sha256: image for image in work.sent}

    def settle(self):
        for row in self.leader.pages("/conflicts?open=yes", "conflicts"):
            if row["state"] == "open":
                self._conflict(self.leader.get(f"/conflicts/{row['id']}"))
        for row in self.leader.pages("/quarantine?open=yes", "quarantined"):
            self._quarantined(row["id"])
        self._proposals()

    # --- 图像冲突 --------------------------------------------------------------------------------------------------------------

    def _conflict(self, shown):
        stored, other = (self.bytes[one["sha256"]] for one in shown["objects"])
        if self.work.chance("leave", other.exam, LEFT):
            return
        if stored.exam.person is not other.exam.person:
            decision = "separate"
        else:
            decision = "replace" if self.work.chance("replace", other.exam, REPLACED) else "keep"
        deed = self._decide(shown, decision, stored, other)
        if deed and decision != "separate" and self.work.chance("doubt undone", other.exam, TAKEN_BACK):
            self.leader.post(f"/conflicts/{shown['id']}/decide", {"decision": "undo", "reason": "再看一次"})
            deed.is_standing = False
            again = self.leader.get(f"/conflicts/{shown['id']}")
            if again["state"] != "open" or [one["sha256"] for one in again["objects"]] != [stored.sha256, other.sha256]:
                self.work.faults.append(f"conflict {shown['id']}: the decision {decision} was taken back, and it is not as before")
            self.work.counts["conflicts: undone"] += 1
            self._decide(again, "keep", stored, other)

    def _decide(self, shown, decision, stored, other):
        answer = self.leader.ask("POST", f"/conflicts/{shown['id']}/decide", {"decision": decision, "reason": "看过两幅图像"})
        assert answer.status in (200, 409), answer
        if answer.status == 409:
            self.work.counts[f"conflicts: {decision} refused"] += 1
            return None
        self.work.counts[f"conflicts: {decision}"] += 1
        deed = Deed("conflict", shown["id"], other.exam, state=answer.body["state"], stored=stored.sha256, other=other.sha256)
        self.work.deeds.append(deed)
        if decision == "separate":
            uid = self.leader.get(f"/conflicts/{shown['id']}")["separate_instance"]
            self.work.renamed[(other.exam.site, uid)] = other
        return deed

    # --- 异常数据 ----------------------------------------------------------------------------------------------------------------

    def _quarantined(self, public):
        target = f"/quarantine/{public}"
        shown = self.leader.get(target)
        image = self.bytes.get(shown["sha256"])
        if image is None:
            self.work.faults.append(f"{public} in 异常数据 has bytes that nobody sent")
        elif self.work.chance("close", image.exam, CLOSED):
            self._close(target, public, image)
        elif not self.work.chance("leave", image.exam, LEFT):
            self._bring_in(target, public, image, shown)

    def _close(self, target, public, image):
        self.leader.post(target + "/close", {"reason": "厂家测试图像"})
        deed = Deed("quarantine", public, image.exam, state="closed", sha256=image.sha256)
        self.work.deeds.append(deed)
        self.work.counts["quarantine: closed"] += 1
        if self.work.chance("reopen", image.exam, TAKEN_BACK):
            self.leader.post(target + "/reopen", {"reason": "确有患者"})
            deed.is_standing = False
            self.work.counts["quarantine: reopened"] += 1

    def _bring_in(self, target, public, image, shown):
        """Beside the images that came with it, when these are of nobody else; else into a study of its own."""
        fields = {name: shown["new_uids"][name] for name in self._wrong(image)}
        beside = next((one for one in self.work.sent if one.exam is image.exam and one.wave == "first" and one.is_sound), None)
        if beside and "uids_reset" not in image.exam.kinds:
            fields |= {name: uid for name, uid in (("study_instance_uid", beside.study_uid), ("series_instance_uid", beside.series_uid)) if name in fields}
        got = self.leader.ask("PUT", target + "/corrections", {"revision": shown["revision"], "fields": fields, "reason": "设备未写"})
        assert got.status == 200, got
        done = self.leader.post(target + "/retry")
        self.work.counts[f"quarantine: {done['outcome']}"] += 1
        if done["outcome"] == "stored":
            self.work.renamed[(image.exam.site, fields.get("sop_instance_uid", image.sop_uid))] = image
            self.work.deeds.append(Deed("quarantine", public, image.exam, state="indexed", sha256=image.sha256))
        else:
            self.work.faults.append(f"{public} in 异常数据 is not brought in by {fields}: {done}")

    @staticmethod
    def _wrong(image):
        uids = {"study_instance_uid": image.study_uid, "series_instance_uid": image.series_uid, "sop_instance_uid": image.sop_uid}
        return [name for name, uid in uids.items() if not uid or "x" in uid]

    # --- what corrections propose for issued reports ---------------------------------------------------------------------------------

    def _proposals(self):
        reviewer = self.work.centre.person("reviewer0")
        for one in reviewer.pages("/report-proposals?open=yes", "proposals"):
            if one["may_settle"]:
                reviewer.post(f"/report-proposals/{one['id']}/settle", {"outcome": "no_influence", "reason": "报告与图像相符"})
                self.work.counts["report proposals: no influence"] += 1
