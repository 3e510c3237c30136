"""What days of a county are made of: which sessions there are, how many examinations at which site, and which dirt befalls whom."""
import collections
import datetime

from dirt import KINDS

HOURS = [datetime.time(8, 30), datetime.time(10, 40), datetime.time(14, 30), datetime.time(16, 50)]
# They need somebody before them on the device or elsewhere: never in the first session of all.
NEEDS_BEFORE = ("study_uid_kept", "uids_reset", "uids_of_other_site", "patient_kept", "view_under_neighbour")


def spread(county, count):
    """site -> how many: each session reaches other sites, a few of them more than the rest."""
    return collections.Counter(county.random.choices(county.sites, [1 + n % 3 for n in range(len(county.sites))], k=count))


def plan_session(county, count, forced=()):
    """site -> examinations. forced: kinds that must occur, dealt out over the sites that have a session."""
    counts = spread(county, count)
    sites = [site for site, number in counts.items() for _ in range(number)]
    county.random.shuffle(sites)
    dealt = collections.defaultdict(list)
    for kind, site in zip(forced, sites):
        dealt[site].append(kind)
    assert len(forced) <= len(sites), "more kinds than examinations"
    return {site: county.plan(site, number, dealt[site]) for site, number in counts.items()}


def plan_day(county, studies, each=0, is_first=False):
    """The sessions of a day: (time, site -> examinations). each: every kind of dirt so often at least."""
    share = [studies // len(HOURS) + (n < studies % len(HOURS)) for n in range(len(HOURS))]
    kinds = [kind for kind in KINDS for _ in range(each)]
    early = [kind for kind in kinds if kind not in NEEDS_BEFORE]
    late = [kind for kind in kinds if kind in NEEDS_BEFORE]
    sessions = len(HOURS) if not is_first else len(HOURS) - 1
    for number, time in enumerate(HOURS):
        turn = number - (len(HOURS) - sessions)
        forced = early[number :: len(HOURS)] + (late[turn::sessions] if turn >= 0 else [])
        yield time, plan_session(county, share[number], forced)


def plan_health_check(county, site, count):
    """体检: chest films of the old, one after the other, most numbers scanned from the label."""
    return {site: county.plan(site, count, device=county.devices[site][0], patient_class="health_check", dirtiness=0.3)}
