"""The result of a week as a page of docs/measured/."""
HEADS = ["right by itself", "right by hand", "待匹配", "待核对 and 待匹配", "图像冲突", "beside, as decided", "the same, encoded anew", "异常数据", "refused", "lost"]

INTRODUCTION = """# A county's week, measured

Written by `make week` (`tests/week/`): a whole installation with {sites} members, {studies} studies a day over {days} days from Monday on, {checks}
health-check mornings of {films} chest films. What the devices send is as dirty as `tests/support/dirt.py` says (proportions in `HABITS` and `KINDS`
there); requests are registered by the API, images come by DCMTK's storescu over many associations, radiographers submit, match a part by hand and put right what is under a wrong patient or mistyped, a duty leader decides conflicts and
brings in what could not be indexed, each now and then taking something back, readers write and sign a sample, and the clock of every program is moved from session to session. Of each image it is known of which person it really is; at the
end each is looked for. What nobody could tell from the images is left out: one without any name under the UID of another person, two people of one name, sex and
birth date. Sizes are small (24 to 32 pixels square), so times are those of this path without its load on network and disk.

{date}, commit {commit}, seed {seed}. {machine}. {versions}. The run took {minutes:.0f} minutes.
"""


def _table(heads, rows):
    lines = ["| " + " | ".join(heads) + " |", "| --- |" + " ---: |" * (len(heads) - 1)]
    return "\n".join(lines + ["| " + " | ".join(str(cell) for cell in row) + " |" for row in rows])


def _verdict(verdict):
    if not verdict.faults:
        return "No image is under a wrong person, none is lost, none is doubled; every rule of `tests/week/judge.py` holds."
    shown = [f"- {fault}" for fault in verdict.faults[:200]]
    return f"**{len(verdict.faults)} faults:**\n\n" + "\n".join(shown)


def _where(verdict):
    heads = [head for head in HEADS if verdict.table["all"][head]]
    kinds = ["all", "clean", *sorted(kind for kind in verdict.table if kind not in ("all", "clean"))]
    return _table(["images that are", "sent", *heads],
                  [[kind.replace("_", " "), sum(verdict.table[kind].values()), *(verdict.table[kind][head] or "" for head in heads)] for kind in kinds])


def _seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.1f} s"


def _times(times):
    names = ["median", "90 %", "99 %", "longest"]
    return _table(["from ... to", *names, "of"],
                  [[what, *(_seconds(one[name]) for name in names), one["count"]] if one else [what, *[""] * 4, 0] for what, one in times.items()])


def page(about, verdict, days, times, counts):
    """days: (name, lists) of each. counts: what people did."""
    done = ", ".join(f"{what} {number}" for what, number in sorted(counts.items()))
    names = ", ".join(f"{what} {number}" for what, number in sorted(verdict.names.items()))
    return "\n".join([
        INTRODUCTION.format(**about), "## Verdict\n", _verdict(verdict),
        f"\nNames in characters, by image: {names}. What people did: {done}.\n",
        "## Where the images are at the end, by what was done to them\n",
        "An image counts in each line that befell it, a sending that repeats the same bytes as the image that is there. `right`: its study met the request of "
        "this examination, or a person matched it. The rest stands in the list of that name, which says why; `refused`: the sender was told.\n",
        _where(verdict), "\n## Lists at the end of each day\n",
        _table(["day", *days[0][1]], [[name, *lists.values()] for name, lists in days]),
        "\nThe lists are as long as at the end of a day's work; of 待匹配, 待核对 and what is doubtful people deal with a part (shares in `tests/week/corrections.py` "
        "and `doubts.py`), and of 待匹配 only with the day's.\n", "## Times\n", _times(times), ""])
