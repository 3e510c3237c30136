#!/usr/bin/python3
"""The dirty mode of the study generator: what the devices of a county really send, with the truth beside it; Python standard library only.

As a program, a day of a county in a folder, without any installation (the 检查号 are invented then):

    dirt.py --out DIR [--seed N] [--sites N] [--studies N] [--each N]

writes DIR/<site>/<examination>-<time>/NNN.dcm and DIR/truth.jsonl, one line for each time that an object is sent: of which person the image
really is, and what was done to it.  --each: every kind of dirt at least so many times, whatever the proportions say.

As a module: County makes devices and people, County.plan() the examinations of a session, Sending what goes over the wire for one of them.
Habits belong to a device (character set, clock, what is typed as ID and as name); the other kinds befall single examinations.
The same seed gives the same people, UIDs and pixels.
"""
import argparse
import codecs
import collections
import datetime
import hashlib
import json
import os
import pathlib
import random
import re
import sys

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

import dicomgen  # noqa: E402
from people import People  # noqa: E402

# Of a hundred devices. The rest of each group is as the standard wants it.
HABITS = {
    "charset": {"charset_gb18030": 20, "charset_utf8": 15, "charset_gb_as_latin1": 18, "charset_gb_as_utf8": 12, "charset_gb_undeclared": 15,
                "charset_ir58_bare": 8, "charset_ir58": 4, "charset_mixed": 8},
    "name": {"name_han": 55, "name_pinyin": 25, "name_both": 20},
    "id": {"id_local": 50, "id_document": 14, "id_blank": 8, "id_one": 8, "id_name": 6, "id_daily": 7, "id_accession": 7},
    "clock": {"clock_right": 70, "clock_2000": 10, "clock_hours": 15, "clock_future": 5},
    # age: sex and age, no birth date; sex: not even the age
    "demographics": {"demographics_typed": 60, "demographics_age": 15, "demographics_sex": 10, "demographics_blank": 15},
}
# Of a thousand examinations; several may befall one.
KINDS = {
    "name_swapped": 20,          # given name first
    "name_blank": 8,             # nobody knows who it is, or nobody had the time
    "sex_mistyped": 8,
    "birth_from_age": 25,        # an age was typed, the device made 1 January of a year of it
    "id_of_relative": 10,        # the card of a relative is read at the console
    "accession_blank": 250, "accession_mistyped": 40, "accession_neighbour": 15,  # the last: it is the number of somebody else
    "study_uid_kept": 20,        # the next patient under the StudyInstanceUID of the last
    "uids_reset": 10,            # a device that lost its memory gives out all UIDs again, for somebody else
    "uids_of_other_site": 5,     # a device that was cloned gives out the UIDs of another site's
    "resend_same": 40, "resend_reencoded": 15, "resend_other_bytes": 10, "resend_new_uids": 15,
    "views_apart": 60,           # PA and lateral as two studies
    "patient_kept": 12,          # the last patient was left open at the console: all images under that name, number and StudyInstanceUID
    "view_under_neighbour": 8,   # the same for the second view alone
    "late_image": 30,            # after the study was complete
    "emergency": 40,
    "unregistered": 60, "registered_late": 40,
    "unindexable": 8,            # a further object without what it takes to index it
}
MISFILED = ("patient_kept", "view_under_neighbour")
ALONE = ("study_uid_kept", "uids_reset", "uids_of_other_site", "views_apart", *MISFILED)  # at most one of these for one examination
UNCLEAR = {"name_blank", "study_uid_kept", "uids_reset", "uids_of_other_site", *MISFILED}  # whom nobody could tell from the next under their study
ACCESSIONS = ("accession_blank", "accession_mistyped", "accession_neighbour")

_DECLARED = {"charset_gb18030": "gb18030", "charset_utf8": "utf8", "charset_gb_as_latin1": "gb18030-as-latin1", "charset_gb_as_utf8": "gb18030-as-utf8",
             "charset_gb_undeclared": "gb18030-undeclared", "charset_ir58_bare": "ir58-bare", "charset_ir58": "ir58", "charset_mixed": "utf8"}


def _encode_ir58(text, errors="strict"):
    """GB 2312 in G1, designated anew for every run of it (PS3.5 section 6.1.2.5.3)."""
    parts = re.split(r"([^\x00-\x7f]+)", text)
    return b"".join(b"\x1b$)A" + part.encode("gb2312", errors) if n % 2 else part.encode("ascii") for n, part in enumerate(parts)), len(text)


codecs.register(lambda name: codecs.CodecInfo(_encode_ir58, None, name="yq_ir58") if name == "yq_ir58" else None)
dicomgen.CHARSETS.update({"gb18030-as-utf8": ("ISO_IR 192", "gb18030"), "ir58-bare": ("\\ISO 2022 IR 58", "gb2312"),
                          "ir58": ("\\ISO 2022 IR 58", "yq_ir58")})


def _pick(chance, weights):
    return chance.choices(list(weights), list(weights.values()))[0]


class Device:
    """A modality with its habits. title and called: how it calls itself and us."""

    def __init__(self, chance, site, number, title, called, modality):
        self.site, self.title, self.called, self.modality = site, title, called, modality
        self.name = f"{modality}{number}"
        self.habits = {group: _pick(chance, weights) for group, weights in HABITS.items()}
        self.hours = datetime.timedelta(hours=chance.choice([-8, -3, 1, 8, 12]))
        self.daily = collections.Counter()
        self.uids = []  # what it gave out: (person, study UID, series UID, SOP UID), the latest last
        self.last = None  # the last Sending whose patient can be told

    def clock(self, now):
        habit = self.habits["clock"]
        if habit == "clock_2000":  # every morning anew, since the battery is flat
            return datetime.datetime(2000, 1, 1, now.hour, now.minute, now.second)
        return now + {"clock_hours": self.hours, "clock_future": datetime.timedelta(days=3000)}.get(habit, datetime.timedelta())


class Examination:
    """One examination of one person, with what befalls it. accession is the right 检查号, set when it is registered; None: it never is."""

    def __init__(self, number, person, device, kinds, patient_class):
        self.number, self.person, self.device, self.kinds, self.patient_class = number, person, device, set(kinds), patient_class
        self.accession, self.typed_accession, self.scanned, self.relative = None, "", "", None

    @property
    def site(self):
        return self.device.site

    @property
    def is_registered(self):
        return "unregistered" not in self.kinds

    def dirt(self):
        """What was done to its images; what is as it should be is not named."""
        habits = set(self.device.habits.values()) - {"charset_gb18030", "charset_utf8", "charset_ir58", "clock_right", "name_han", "name_both", "id_local",
                                                     "id_document", "demographics_typed"}
        shared = {"shared_title"} if self.device.called else set()
        return sorted(self.kinds | habits | shared)


class County:
    """sites: names of sites, each with a DR of the same title and, by turns, a CT or an ultrasound of its own."""

    def __init__(self, seed, sites, people_per_site=400):
        self.random = random.Random(seed)
        self.sites, self.devices, self.people = list(sites), {}, {}
        self.examinations = 0
        for number, site in enumerate(self.sites):
            other = "CT" if number % 2 == 0 else "US"
            self.devices[site] = [Device(self.random, site, 1, "DR", f"CENTRE{number:02d}", "DX"),
                                  Device(self.random, site, 2, f"{other}{number:02d}", "", other)]
            self.people[site] = People(self.random, number * 10000 + 1, people_per_site)
        self.spread_habits()

    def spread_habits(self):
        """So few devices leave habits out: one after the other takes on what nobody has, as long as somebody else keeps what it had."""
        devices = [device for pair in self.devices.values() for device in pair]
        for group, weights in HABITS.items():
            for wanted in weights:
                held = collections.Counter(device.habits[group] for device in devices)
                spare = [device for device in devices if held[device.habits[group]] > 1]
                if not held[wanted] and spare:
                    self.random.choice(spare).habits[group] = wanted

    def _kinds(self, forced, dirtiness):
        kinds = {kind for kind, of_thousand in KINDS.items() if self.random.random() * 1000 < of_thousand * dirtiness} | set(forced)
        for group in (ALONE, ACCESSIONS):
            chosen = [kind for kind in group if kind in kinds]
            keep = next((kind for kind in forced if kind in group), chosen[0] if chosen else None)
            kinds -= set(chosen) - {keep}
        # An image that says nothing, under a UID that somebody else had: the truth knows whose it is, and nobody else can.
        if "name_blank" in kinds and kinds & {"study_uid_kept", "uids_reset"}:
            kinds -= {"name_blank"} if "name_blank" not in forced else {"study_uid_kept", "uids_reset"}
        return kinds

    def plan(self, site, count, forced=(), device=None, patient_class=None, dirtiness=1.0):
        """
        The examinations of a session at a site, in their order. forced: a list of kinds that befall the last ones, one each. device: all on
        this one. dirtiness: of the proportions.
        """
        forced, made = list(forced), []
        for number in range(count):
            own = forced[count - number - 1 : count - number]
            at = device or self.random.choices(self.devices[site], [3, 1])[0]
            if own and own[0] in ("views_apart", "study_uid_kept", "uids_reset", *MISFILED):
                at = self.devices[site][0]
            kinds = self._kinds(own, dirtiness)
            if at.modality != "DX":
                kinds -= {"views_apart", "view_under_neighbour"}
            self.examinations += 1
            chosen = "emergency" if "emergency" in kinds else patient_class or self.random.choices(["outpatient", "inpatient"], [4, 1])[0]
            made.append(Examination(self.examinations, self.people[site].pick(), at, kinds, chosen))
        for exam in made:
            self._meet(exam, made)
        return made

    def _meet(self, exam, session):
        """Those kinds that it takes another person, or another device, for; what cannot be falls away."""
        others = [one.person for one in session if one.person is not exam.person]
        exam.relative = self.random.choice(others) if others else None
        if not others:
            exam.kinds -= {"id_of_relative", "accession_neighbour"}

    def type_accessions(self, session):
        """What is typed at the console, once the 检查号 are known."""
        for exam in session:
            right = exam.accession or ""
            others = [one.accession for one in session if one.accession and one.person is not exam.person and one.site == exam.site]
            exam.scanned = right
            if exam.kinds & {"accession_blank", "unregistered", "registered_late"} or exam.device.habits["id"] == "id_accession":
                exam.typed_accession = ""
            elif "accession_neighbour" in exam.kinds and others:
                exam.typed_accession = self.random.choice(others)
            elif "accession_mistyped" in exam.kinds and right:
                exam.typed_accession = right[:-2] + right[-1] + right[-2] if right[-1] != right[-2] else right[:-1]
            else:
                exam.kinds -= {"accession_neighbour", "accession_mistyped"}
                exam.typed_accession = right


class Image:
    """One object as it goes over the wire. wave: first, again or late. is_sound: it can be indexed. is_misfiled: under the patient before."""

    def __init__(self, exam, dataset, wave, dirt=(), syntax=dicomgen.EXPLICIT, is_sound=True, is_misfiled=False):
        self.exam, self.wave, self.dirt, self.syntax, self.is_sound, self.is_misfiled = exam, wave, list(dirt), syntax, is_sound, is_misfiled
        self.sop_class, self.sop_uid, self.study_uid = dataset.text(0x00080016), dataset.text(0x00080018), dataset.text(0x0020000D)
        self.series_uid = dataset.text(0x0020000E)
        self.bytes = dataset.encode(syntax)
        self.sha256 = hashlib.sha256(self.bytes).hexdigest()
        self.pixels = hashlib.sha256(dataset[0x7FE00010][1]).hexdigest()
        self.status = self.sent_at = None  # what the receiver said, and when

    def part10(self):
        return dicomgen.part10(self.bytes, self.sop_class, self.sop_uid, self.syntax)

    def truth(self):
        exam = self.exam
        return {"site": exam.site, "device": exam.device.name, "examination": exam.number, **exam.person.truth(), "accession": exam.accession,
                "typed_accession": exam.typed_accession, "patient_class": exam.patient_class, "wave": self.wave, "sop_instance_uid": self.sop_uid,
                "study_instance_uid": self.study_uid, "sha256": self.sha256, "dirt": sorted(set(exam.dirt()) | set(self.dirt)),
                "is_sound": self.is_sound, "status": self.status}


class Sending:
    """Everything that is sent for one examination: images(wave)."""

    SIZE = {"dr": 32, "ct": 32, "us": 24}

    def __init__(self, county, exam, now):
        self.random = random.Random(county.random.getrandbits(64))
        self.exam, self.device, self.county = exam, exam.device, county
        self._all = []
        self.now, self.when = now, self.device.clock(now)
        self._make()
        self._send_again()

    def images(self, wave):
        return [image for image in self._all if image.wave == wave]

    # ---- what is typed ------------------------------------------------------------------------------------------------

    def _name(self):
        person = self.exam.person
        surname, given = person.surname, person.given
        if "name_blank" in self.exam.kinds:
            return ""
        if "name_swapped" in self.exam.kinds:
            surname, given = given, surname
        habit = self.device.habits["name"]
        if habit == "name_pinyin":
            style = self.random.choice(["%s^%s", "%s %s", "%s^%s"])
            return (style % (surname[1], given[1])).upper()
        if habit == "name_both":
            return f"{surname[1]}^{given[1]}={surname[0]}^{given[0]}".upper()
        return self.random.choice([surname[0] + given[0], f"{surname[0]}^{given[0]}"])

    def _typed_id(self):
        person = self.exam.relative if "id_of_relative" in self.exam.kinds else self.exam.person
        habit = self.device.habits["id"]
        if "name_blank" in self.exam.kinds:
            return ""
        if habit == "id_daily":
            self.device.daily[self.when.date()] += 1
            return f"{self.device.daily[self.when.date()]:03d}"
        return {"id_local": person.local_id, "id_document": person.document, "id_blank": "", "id_one": "1",
                "id_name": person.surname[1] + person.given[1], "id_accession": self.exam.scanned}[habit]

    def _demographics(self):
        """Sex and birth date as typed."""
        person, kinds = self.exam.person, self.exam.kinds
        if self.device.habits["demographics"] == "demographics_blank" or "name_blank" in kinds:
            return "", ""
        sex = {"M": "F", "F": "M"}[person.sex] if "sex_mistyped" in kinds else person.sex
        if self.device.habits["demographics"] in ("demographics_age", "demographics_sex"):
            return sex, ""
        return sex, f"{self.when.year - self.exam.age}0101" if "birth_from_age" in kinds else f"{person.birth:%Y%m%d}"

    def _charset(self):
        charset = _DECLARED[self.device.habits["charset"]]
        return "gb18030-undeclared" if charset.startswith("ir58") and not self.exam.person.is_in_gb2312 else charset

    # ---- what it becomes --------------------------------------------------------------------------------------------------

    def _uids(self):
        """Study, series and SOP UID of the first image; None: new ones."""
        given = [one for one in self.device.uids if one[0] is not self.exam.person]
        if "study_uid_kept" in self.exam.kinds and given:
            return given[-1][1], None, None
        if "uids_reset" in self.exam.kinds and given:
            return self.random.choice(given)[1:]
        elsewhere = [device for pair in self.county.devices.values() for device in pair if device.site != self.exam.site and device.uids]
        if "uids_of_other_site" in self.exam.kinds and elsewhere:
            return self.random.choice(self.random.choice(elsewhere).uids)[1:]
        self.exam.kinds -= {"study_uid_kept", "uids_reset", "uids_of_other_site"}
        return None, None, None

    def _study(self, study_uid=None):
        exam = self.exam
        sex, birth = self.demographics
        study = dicomgen.Study(name=self.name, patient_id=self.typed_id, sex=sex, birth=birth, charset=self._charset(), seed=self.random.getrandbits(64),
                               study_uid=study_uid, accession=exam.typed_accession, when=self.when, description="胸部正位" if self.device.modality == "DX" else "",
                               institution=exam.site, age=f"{exam.age:03d}Y" if sex and self.device.habits["demographics"] != "demographics_sex" else "", station=self.device.name)
        if self.device.habits["charset"] == "charset_mixed":  # the name came by worklist, the rest stands in the device
            study.institution, study.description = study.institution.encode("gb18030"), study.description.encode("gb18030")
        return study

    def _dataset(self, study, number, **uids):
        kind = {"DX": "dr", "CT": "ct", "US": "us"}[self.device.modality]
        more = {"view": "PA" if number == 1 else "LL"} if kind == "dr" else {"slices": 3} if kind == "ct" else {"frames": 2}
        return dicomgen.MAKERS[kind](study, number=number, size=self.SIZE[kind], **more, **uids)

    def _left_open(self):
        """The dicomgen.Study of the patient before, when that one was left open at the console; else None."""
        before = self.device.last
        if self.exam.kinds & set(MISFILED):
            if before and before.exam.person is not self.exam.person:
                return before.last_study
            self.exam.kinds -= set(MISFILED)
        return None

    def _add(self, dataset, wave, dirt=(), **more):
        is_misfiled = bool(self.left_open) and dataset.text(0x0020000D) == self.left_open.study_uid
        image = Image(self.exam, dataset, wave, dirt, is_misfiled=is_misfiled, **more)
        self._all.append(image)
        return image

    def _make(self):
        self.exam.age = self.exam.person.age(self.now.date())
        self.name, self.typed_id, self.demographics = self._name(), self._typed_id(), self._demographics()
        study_uid, series, sop = self._uids()
        self.left_open = self._left_open()
        study = self.left_open if "patient_kept" in self.exam.kinds else self._study(study_uid)
        series = series or study.random.uid()
        is_check = self.exam.patient_class == "health_check"
        count = {"DX": 1 if is_check else self.random.choice([1, 2, 2]), "CT": 3, "US": 1}[self.device.modality]
        if self.exam.kinds & {"views_apart", "view_under_neighbour"}:
            count = 2
        for number in range(1, count + 1):
            if number == 2 and "views_apart" in self.exam.kinds:
                study, series = self._study(), None
            if number == 2 and "view_under_neighbour" in self.exam.kinds:
                self._add(self._dataset(self.left_open, number), "first")
                break
            dataset = self._dataset(study, number, series_uid=series, sop_uid=sop if number == 1 else None)
            self._add(dataset, "first")
            if number == 1:
                self.first = dataset
                self.device.uids = (self.device.uids + [(self.exam.person, study.study_uid, series, dataset.text(0x00080018))])[-50:]
        self.last_study, self.last_series, self.count = study, series, count
        if not self.exam.kinds & UNCLEAR:
            self.device.last = self

    def _changed(self, **rows):
        """The first image with other elements: tag in hexadecimal -> (VR, value), or None to leave it out."""
        dataset = dicomgen.Dataset(charset=self.first.charset)
        dataset.update(self.first)
        for tag, row in rows.items():
            dataset.pop(int(tag[1:], 16), None)
            if row:
                dataset.put(int(tag[1:], 16), *row)
        return dataset

    def _send_again(self):
        """At once, or when everybody has gone on to the next, perhaps after the report."""
        kinds, again = self.exam.kinds, self.random.choice(["again", "late"])
        if "resend_same" in kinds:
            self._all += [self._repeat(image, again) for image in self.images("first")]
        if "resend_reencoded" in kinds:
            self._add(self.first, again, ["resend_reencoded"], syntax=dicomgen.IMPLICIT)
        if "resend_other_bytes" in kinds:
            pixels = bytearray(self.first[0x7FE00010][1])
            pixels[0] ^= 1
            self._add(self._changed(x7FE00010=(self.first[0x7FE00010][0], bytes(pixels))), again, ["resend_other_bytes"])
        if "resend_new_uids" in kinds:
            self._add(self._changed(x00080018=("UI", self.random_uid())), again, ["resend_new_uids"])
        if "late_image" in kinds:
            self._add(self._dataset(self.last_study, self.count + 1, series_uid=self.last_series), "late", ["late_image"])
        if "unindexable" in kinds:
            bad = self.random.choice([{"x0020000D": None}, {"x0020000E": ("UI", "")}, {"x0020000D": ("UI", "1.2.x")}, {"x00080018": ("UI", "")}])
            self._add(self._changed(**{"x00080018": ("UI", self.random_uid()), **bad}), "again", ["unindexable"], is_sound=False)

    @staticmethod
    def _repeat(image, wave):
        again = Image.__new__(Image)
        again.__dict__.update(image.__dict__, wave=wave, dirt=["resend_same"], status=None)
        return again

    def random_uid(self):
        return self.last_study.random.uid()


# ---- as a program ----------------------------------------------------------------------------------------------------------


def _invent_accessions(session, day):
    for number, exam in enumerate(session, 1):
        exam.accession = f"S{exam.number % 1000:03d}{day:%y%m%d}{number:04d}" if exam.is_registered else None


def write_day(out, seed, sites, studies, each):
    county = County(seed, [f"示例镇{number + 1}卫生院" for number in range(sites)])
    now = datetime.datetime(2026, 11, 30, 8, 0, 0)
    kinds = [kind for kind in KINDS if kind != "uids_of_other_site"] * each
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "truth.jsonl", "w", encoding="utf-8") as truth:
        for number, site in enumerate(county.sites):
            forced = kinds[number::sites] + ["uids_of_other_site"] * (each if number == sites - 1 else 0)
            session = county.plan(site, studies // sites + (number < studies % sites), forced)
            _invent_accessions(session, now)
            county.type_accessions(session)
            for exam in session:
                sending = Sending(county, exam, now)
                for wave in ("first", "again", "late"):
                    _write(out / site / f"{exam.number:04d}-{wave}", sending.images(wave), truth)


def _write(folder, images, truth):
    for number, image in enumerate(images, 1):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{number:03d}.dcm").write_bytes(image.part10())
        truth.write(json.dumps({"file": f"{folder.parent.name}/{folder.name}/{number:03d}.dcm", **image.truth()}, ensure_ascii=False) + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--sites", type=int, default=4)
    parser.add_argument("--studies", type=int, default=60)
    parser.add_argument("--each", type=int, default=0)
    args = parser.parse_args()
    write_day(args.out, args.seed, args.sites, args.studies, args.each)


if __name__ == "__main__":
    main()
