"""Does everything stand as people left it? Each deed of Work.deeds is looked at as people see it, by the API.

    faults = check(centre, work)      # one line for each that does not
"""


def check(centre, work):
    looker = Looker(centre, work)
    return [f"{deed.kind} {deed.record} of examination {deed.exam.number} at {deed.exam.site}: {fault}"
            for deed in work.deeds for fault in [looker.fault(deed)] if fault]


class Looker:
    def __init__(self, centre, work):
        self.work, self.leader, self.operator = work, centre.person("leader"), centre.person("operator")
        self.reviews = {review["id"]: review for review in self.leader.pages("/identity-reviews", "reviews")}

    def fault(self, deed):
        """None: it is as it should be."""
        look = {"review": self._review, "conflict": self._conflict, "quarantine": self._quarantine}.get(deed.kind, self._correction)
        return look(deed)

    def _correction(self, deed):
        record = self.leader.get(f"/corrections/{deed.record}")
        if record["kind"] != deed.kind or not record["reason"]:
            return f"the history has {record['kind']}"
        if (record["undone_by_id"] is None) != deed.is_standing:
            return "the history does not have what became of it"
        if not deed.is_standing:
            return None
        if deed.kind == "edit_patient":
            name = self.operator.get(f"/studies/{deed.facts['study']}")["patient"]["display_name"]
            return None if name == deed.exam.person.han else "the study does not bear the name that was put right"
        left, there = (set().union(*self.work.held(self.operator, deed.facts[one]).values()) for one in ("study", "arrived"))
        moved = deed.facts["moved"]
        return None if moved <= there and not moved & left else "its images are not where they were brought"

    def _review(self, deed):
        review = self.reviews.get(deed.record)
        if review is None:
            return "is in no list" if deed.is_standing else None  # what was typed in a correction that was taken back is nobody's
        if not deed.is_standing:
            return "was taken back, and is not open" if review["settled_at"] else None
        if review["outcome"] != deed.facts["outcome"]:
            return f"its outcome is {review['outcome']}"
        return None if review["is_same_patient"] == (deed.facts["outcome"] == "same") else "the patients are not as was said"

    def _conflict(self, deed):
        if not deed.is_standing:
            return None  # decided again
        shown = self.leader.get(f"/conflicts/{deed.record}")
        wanted = [deed.facts["stored"], deed.facts["other"]]
        if deed.facts["state"] == "replaced":
            wanted.reverse()
        if shown["state"] != deed.facts["state"] or [one["sha256"] for one in shown["objects"]] != wanted:
            return f"it is {shown['state']}, with other bytes in force than were decided for"
        return None if [step["event"] for step in shown["history"]][0] == "differ" and shown["settled_at"] else "its history has not what was done"

    def _quarantine(self, deed):
        state = self.leader.get(f"/quarantine/{deed.record}")["state"]
        wanted = deed.facts["state"] if deed.is_standing else "open"
        return None if state in (wanted, "indexed" if not deed.is_standing else wanted) else f"it is {state}"
