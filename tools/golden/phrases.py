"""Radiology phrases and strings of every awkward kind, written for the tokenizer goldens."""

PHRASES = """
Small left pleural effusion
Large right-sided pneumothorax with mediastinal shift
Patchy opacity in the right lower lobe
Mild cardiomegaly is unchanged
Bibasilar atelectasis, left greater than right
Dense consolidation in the left upper lobe
No acute cardiopulmonary process
Interstitial edema has worsened
Blunting of the costophrenic angle
Subtle retrocardiac airspace disease
Enlarged cardiac silhouette with vascular congestion
Moderate loculated fluid along the lateral chest wall
Focal nodule projecting over the right hilum
Multifocal pneumonia cannot be excluded
The lungs are hyperinflated and clear
Linear scarring at the left base
Apical pneumothorax measuring 2.5 cm
Tip of the endotracheal tube is 4 cm above the carina
Elevation of the right hemidiaphragm
Diffuse reticular opacities, likely fibrosis
Persistent collapse of the right middle lobe
Rounded mass in the lingula
Increased opacification of the left hemithorax
Bilateral pleural effusions with compressive atelectasis
Healed rib fractures on the left
Calcified granuloma in the right apex
Widened mediastinum
Perihilar haziness suggests pulmonary edema
Ground-glass opacities predominantly in the periphery
Subsegmental atelectatic change in the lower lungs
Interval removal of the chest tube
Stable post-operative changes
Airspace consolidation obscures the left heart border
Trace fluid in the minor fissure
Cavitary lesion in the right upper lobe
Normal heart size and clear lungs
Sternotomy wires are intact
Prominent pulmonary arteries
Kerley B lines at both bases
Nasogastric tube terminates in the stomach
""".strip().split("\n")

AWKWARD = [
    "", " ", "   \t  ", "\n", "a", "A", ".", "...", "!?", "-", "--", "' '", "don't", "patient's",
    "it's 5'11\"", "  leading and trailing  ", "tabs\tand\nnewlines\r\nhere",
    "double  spaces   inside", "naïve café", "Ångström", "Crème brûlée", "São Tomé", "ÜBER straße",
    "İstanbul", "ǅ ligature ﬁ ﬂ", "e\u0301 combined é", "a\u0308o\u0308u\u0308",
    "\u1e9e capital sharp s", "Ελληνικά", "Русский текст", "胸部X線", "肺炎と診断", "右肺上葉", "한국어 텍스트",
    "中文 mixed with English", "\U00020000 extension B", "々〆〇", "السلام عليكم", "עברית", "हिन्दी",
    "ไทย", "🙂", "🫁 lungs 🫀", "👩‍⚕️", "🇩🇪", "©®™", "½ ¾ ²", "µm vs μm", "5 mm", "10%", "$5",
    "1,000.50", "3×4 cm", "L>R", "C5/6", "T-12", "a_b", "x^2", "a+b=c", "[CLS]", "[SEP] in text",
    "[MASK]ed", "[PAD]", "[UNK]", "[cls]", "<|endoftext|>", "<|startoftext|> hi", "<end>",
    "@user #tag", "http://example.org/a?b=c&d", "mail@example.org", "back\\slash", "`tick`",
    "“quoted”", "‘single’", "em—dash", "en–dash", "ellipsis…", "bullet • point", "zero\u200bwidth",
    "no\u00a0break", "soft\u00adhyphen", "\ufeffbom", "null\x00byte", "bell\x07", "del\x7f",
    "\x1b[31mred", "line\u2028sep", "para\u2029sep", "\u3000ideographic space\u3000",
    "thin\u2009space", "rtl\u200fmark", "\ufffd replaced", "\ue000 private", "\ud7ff edge",
    "\u0085 nel", "\u180e mongolian", "\u2060joiner", "vertical\x0btab", "form\x0cfeed", "\x1cfs",
    "UPPER lower MiXeD", "CamelCaseWord", "hyphen-ated-word", "and/or", "e.g.", "i.e., that",
    "Dr. Smith", "U.S.A.", "opacityopacity", "pneumonoultramicroscopicsilicovolcanoconiosis",
    "x" * 100, "x" * 101, "x" * 250, "ab" * 300, " ".join(["effusion"] * 74),
    " ".join(["effusion"] * 75), " ".join(["effusion"] * 76), " ".join(["effusion"] * 200),
    "opacity " * 40 + "." * 60, "." * 90,
    "a b c d e f g h i j k l m n o p q r s t u v w x y z " * 3, "0123456789", "1 2 3",
    "1st 2nd 3rd", "A1B2", "ⅷ roman", "① circled", "Å", "Ω ohm", "ﬀ ﬃ", "ｆｕｌｌｗｉｄｔｈ", "𝔣𝔯𝔞𝔨𝔱𝔲𝔯",
    "ɐ turned", "ŋ", "ß", "ſ long s", "ς σ Σ", "ΟΔΟΣ", "Ÿ", "ñandú", "čeština", "Łódź", "Đà Nẵng",
    "żółć", "Þórr", "œuvre", "Ænima", "a\u0300\u0301\u0302\u0303b", "\u0301 alone", "क्ष", "ก็",
    "۱۲۳", "１２３", "+-*/=<>", "~!@#$%^&*()_+", "{}[]|\\:;\"'<>,.?/", "''", "'s", "'S",
    "we'll they've I'm he'd", "'tis", "rock'n'roll", "’s curly", "&amp; &lt;b&gt;", "&#39;",
    "tab\tend\t",
]


def strings() -> list[str]:
    """All strings of the tokenizer goldens: phrases as written, lower, upper, joined; awkward ones.
    """
    found = list(PHRASES)
    found += [p.lower() for p in PHRASES[::2]] + [p.upper() for p in PHRASES[1::4]]
    found += [a + ", " + b.lower() + "." for a, b in zip(PHRASES[::3], PHRASES[1::3])]
    found += [" ; ".join(PHRASES[i : i + 8]) for i in range(0, len(PHRASES), 8)]
    found += AWKWARD
    return list(dict.fromkeys(found))
