"""The grammar of the phantoms' reports: phrases that name one finding, and whole reports.

All functions take a numpy Generator, so that a seed fixes the text.
"""

NOUNS = {
    "nodule": ("nodule", "nodule", "pulmonary nodule", "lung nodule", "nodular lesion"),
    "cavity": ("cavity", "cavity", "cavitary lesion", "cavitation"),
    "opacity": ("patchy opacity", "patchy opacity", "patchy infiltrate", "patchy opacification"),
    "consolidation": ("consolidation", "consolidation", "lobar consolidation"),
    "effusion": ("pleural effusion", "effusion", "pleural effusion", "pleural fluid"),
    "pneumothorax": ("pneumothorax", "pneumothorax", "pneumothorax", "pleural air"),
}
SIZES = {"small": ("small", "little"), "": ("", "", "moderate"), "large": ("large", "big")}
CONTRASTS = {"faint": ("faint", "subtle"), "": ("",), "dense": ("dense",)}
ZONES = {"upper": ("upper",), "mid": ("mid", "middle"), "lower": ("lower",)}
HEART = (
    "cardiomegaly",
    "enlarged heart",
    "enlarged cardiac silhouette",
    "the heart is enlarged",
    "cardiac enlargement",
    "there is cardiomegaly",
    "the cardiac silhouette is enlarged",
)
NEGATIVE = (
    "no pleural effusion",
    "no pneumothorax",
    "no focal consolidation",
    "no nodule",
    "no cavity",
    "the heart is not enlarged",
)
NORMAL = (
    "no acute findings",
    "normal chest",
    "clear lungs",
    "the lungs are clear",
    "lungs are clear and the heart is normal",
    "no acute cardiopulmonary abnormality",
)


def choose(rng, options):
    return options[int(rng.integers(len(options)))]


def join(*parts):
    return " ".join(p for p in parts if p)


def describe(rng, finding):
    """Adjectives and noun; sizes and contrasts are named about half the time."""
    size = choose(rng, SIZES[finding["size"]]) if rng.random() < 0.6 else ""
    if finding["kind"] == "consolidation":
        size = ""
    contrast = choose(rng, CONTRASTS[finding["contrast"]]) if rng.random() < 0.5 else ""
    return join(size, contrast), choose(rng, NOUNS[finding["kind"]])


def place(rng, finding):
    """The place as an adjective ("right upper zone") and after a preposition ("the right lung")."""
    side, kind = finding["side"], finding["kind"]
    if kind == "effusion":
        at = choose(rng, (f"at the {side} base", f"in the {side} pleural space", f"on the {side}"))
        return choose(rng, (side, side, f"{side} basal")), at
    if kind == "pneumothorax":
        at = choose(rng, (f"at the {side} apex", f"on the {side}", f"on the {side} side"))
        return choose(rng, (side, side, f"{side} apical")), at
    zone = choose(rng, ZONES[finding["zone"]])
    part = "lobe" if kind == "consolidation" and rng.random() < 0.5 else "zone"
    if part == "zone" and rng.random() < 0.25:
        part = choose(rng, ("lung", "lung zone"))
    here = f"{side} {zone} {part}"
    return here, choose(rng, (f"in the {here}", f"in the {here}", f"of the {here}"))


def phrase(rng, finding):
    """A phrase or sentence that names this finding alone. `finding`: a dict of its attributes."""
    if finding["kind"] == "cardiomegaly":
        return choose(rng, HEART)
    adjectives, noun = describe(rng, finding)
    here, at = place(rng, finding)
    form = int(rng.integers(8))
    if form <= 2:
        return join(adjectives, noun, at)
    if form == 3:
        return join(adjectives, here, noun)
    if form == 4:
        return join(here, noun)
    if form == 5:
        return join("there is a", adjectives, noun, at)
    if form == 6:
        seen = choose(rng, ("is seen", "is present", "is noted"))
        return join(adjectives, noun, seen, at.replace("of the", "in the"))
    return join(here, "shows a", adjectives, noun)


def report(rng, findings):
    """Every finding's sentence in any order, at times a sentence on what is absent."""
    if not findings:
        return choose(rng, NORMAL)
    parts = [phrase(rng, findings[int(k)]) for k in rng.permutation(len(findings))]
    if rng.random() < 0.12:
        kinds = {f["kind"] for f in findings}
        words = {"effusion", "pneumothorax", "consolidation", "nodule", "cavity"} & kinds
        absent = [n for n in NEGATIVE[:5] if not any(w in n for w in words)]
        if absent:
            parts.append(choose(rng, absent))
    return choose(rng, (". ", " and ", ", ")).join(parts)


def random_finding(rng):
    """Attributes of a finding without a picture, for training on text alone."""
    kind = choose(rng, tuple(NOUNS) + ("cardiomegaly",))
    side = choose(rng, ("right", "left")) if kind != "cardiomegaly" else ""
    zone = {"effusion": "lower", "pneumothorax": "upper", "cardiomegaly": ""}.get(kind)
    zone = choose(rng, ("upper", "mid", "lower")) if zone is None else zone
    spot = kind in ("nodule", "cavity", "opacity")
    size = (
        choose(rng, ("small", "", "large")) if kind not in ("consolidation", "cardiomegaly") else ""
    )
    contrast = choose(rng, ("faint", "", "", "dense")) if spot or kind == "consolidation" else ""
    return {"kind": kind, "side": side, "zone": zone, "size": size, "contrast": contrast}


def random_text(rng):
    """A sentence or report of the grammar, at times empty."""
    if rng.random() < 0.03:
        return ""
    if rng.random() < 0.05:
        return choose(rng, NORMAL + NEGATIVE)
    count = 1 + int(rng.integers(10) > 5) + int(rng.integers(10) > 7)
    return report(rng, [random_finding(rng) for _ in range(count)])
