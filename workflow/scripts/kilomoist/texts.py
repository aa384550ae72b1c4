"""Texts of figures, report, pages and README in every language, by key: the one catalogue.

The Mongolian has not yet been read by a native speaker.
"""

import re
from calendar import month_name
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Literal, get_args

Language = Literal["en", "mn"]
LANGUAGES: tuple[Language, ...] = get_args(Language)
_SPOKEN: ContextVar[Language] = ContextVar("language", default="en")


@contextmanager
def speaking(language: Language) -> Iterator[None]:
    """Texts are of a language within the block; of English elsewhere."""
    token = _SPOKEN.set(language)
    try:
        yield
    finally:
        _SPOKEN.reset(token)


def spoken() -> Language:
    """The language that texts are of now."""
    return _SPOKEN.get()


def text(key: str, **values: object) -> str:
    """The text of a key, with values in its braces."""
    return TEXTS[key][LANGUAGES.index(spoken())].format(**values)


def texts_of(family: str) -> dict[str, str]:
    """Texts of the keys that begin with a word and a dot, by what follows it, with their braces."""
    start, number = f"{family}.", LANGUAGES.index(spoken())
    return {key.removeprefix(start): words[number] for key, words in TEXTS.items() if key.startswith(start)}


def named(name: str) -> str:
    """A name that tables have, such as that of a map or a flag, in print; what the user named is as it is."""
    if (key := f"name.{name}") in TEXTS:
        return text(key)
    for key in ("named.one_scale_up", "named.smap"):
        if found := re.fullmatch(_pattern(TEXTS[key][0]), name):
            return text(key, **{part: named(value) for part, value in found.groupdict().items()})
    return name


def said(sentence: str, of: str = "said") -> str:
    """A sentence that a table or a tag has in English, as far as the catalogue knows it; `of` begins its keys."""
    for key in TEXTS:
        if key.startswith(f"{of}.") and (found := re.fullmatch(_pattern(TEXTS[key][0]), sentence)):
            return text(key, **{name: said(part) for name, part in found.groupdict().items()})
    return sentence


def _pattern(template: str) -> str:
    """Regular expression of what a text in English may have become."""
    parts = re.split(r"\{(\w+)\}", template)
    return "".join(f"(?P<{part}>.+)" if number % 2 else re.escape(part) for number, part in enumerate(parts))


def unbroken(words: str) -> str:
    """The same with every % on the line of its number."""
    return words.replace(" %", "\N{NO-BREAK SPACE}%")


def month_text(month: str) -> str:
    """A month, `2021-08`, in print."""
    year, number = month.split("-")
    return text("month", year=year, number=int(number), name=month_name[int(number)])


TEXTS: dict[str, tuple[str, str]] = {
    # Names that tables have, in print
    "month": ("{name} {year}", "{year} оны {number}-р сар"),
    "name.simulated": ("simulated data", "загварчилсан өгөгдөл"),
    "name.archive": ("granules of an archive", "архивын өгөгдөл"),
    "name.archive of simulated granules": ("simulated data", "загварчилсан өгөгдөл"),
    "name.earthdata": ("NASA granules (earthdata)", "NASA-гийн өгөгдөл (Earthdata)"),
    "name.map, 1 km": ("map, 1 km", "зураг, 1 км"),
    "name.map, one scale up": ("map, one scale up", "зураг, нэг шат бүдүүн"),
    "name.map before reconciliation": ("map before reconciliation", "тохируулахаас өмнөх зураг"),
    "name.map, reconciled to SMAP exactly": ("map, reconciled to SMAP exactly", "SMAP-тай яг тохируулсан зураг"),
    "name.detail map": ("detail map", "нарийвчилсан зураг"),
    "name.detail map, reconciled": ("detail map, reconciled", "нарийвчилсан зураг, тохируулсан"),
    "name.study's map": ("study's map", "судалгааны зураг"),
    "name.study's map, reconciled": ("study's map, reconciled", "судалгааны зураг, тохируулсан"),
    "name.study's map, 9 km": ("study's map, 9 km", "судалгааны зураг, 9 км"),
    "name.SMAP, bilinear": ("SMAP, bilinear", "SMAP, билинеар"),
    "name.SMAP, bilinear, reconciled": ("SMAP, bilinear, reconciled", "SMAP, билинеар, тохируулсан"),
    "named.one_scale_up": ("{name}, one scale up", "{name}, нэг шат бүдүүн"),
    "named.smap": ("SMAP, {side} km", "SMAP, {side} км"),
    "name.mean of the training rows": ("mean of the training rows", "сургалтын мөрийн дундаж"),
    "name.linear model": ("linear model", "шугаман загвар"),
    "name.outside the training range": ("outside the training range", "сургалтын утгын хүрээнээс гадуур"),
    "name.outside the area of applicability": ("outside the area of applicability", "загвар хэрэглэх мужаас гадуур"),
    "name.few observations": ("few observations", "ажиглалт цөөн"),
    "name.water, snow or ice in the pixel": ("water, snow or ice in the pixel", "пикселд ус, цас эсвэл мөстэй"),
    "name.cell not reconciled": ("cell not reconciled", "нүд тохируулагдаагүй"),
    "name.frozen": ("frozen", "хөлдүү"),
    "name.SMAP without radiometer": ("SMAP without radiometer", "SMAP радиометрийн хэмжилтгүй"),
    "name.no value": ("no value", "утгагүй"),
    "name.no flag": ("no flag", "тэмдэглэгээгүй"),
    "predictor.lst_day": ("land surface temperature by day", "газрын гадаргын өдрийн температур"),
    "predictor.lst_night": ("land surface temperature at night", "газрын гадаргын шөнийн температур"),
    "predictor.lst_range": ("range of the land surface temperature", "газрын гадаргын температурын хэлбэлзэл"),
    "predictor.ndvi": ("vegetation index", "ургамлын индекс"),
    "predictor.evi": ("vegetation index", "ургамлын индекс"),
    "predictor.ndii7": ("water index", "усны индекс"),
    "name.vegetation": ("vegetation indices", "ургамлын индекс"),
    "name.temperature": ("surface temperature", "гадаргын температур"),
    "name.target": ("soil moisture", "хөрсний чийг"),
    "name.conditional": ("conditional: of the pattern", "нөхцөлт: зүй тогтлын"),
    "name.total": ("total: of the value", "бүрэн: утгын"),
    "name.probe": ("of a probe", "мэдрэгчийн"),
    "name.field points": ("field points", "хээрийн цэгүүд"),
    "name.9 km, one scale up": ("SMAP at 9 km, one scale up", "9 км-ийн SMAP, нэг шат бүдүүн"),
    "name.1 km, simulated truth": ("simulated truth at 1 km", "1 км-ийн загварчилсан үнэн утга"),
    "name.1 km": ("nothing: the width at 1 km alone", "юутай ч үгүй: зөвхөн 1 км дэх өргөн"),
    "name.LST, day": ("LST, day", "LST, өдөр"),
    "name.LST, night": ("LST, night", "LST, шөнө"),
    "name.LST, range": ("LST, range", "LST, хэлбэлзэл"),
    "name.Elevation": ("Elevation", "Өндөр"),
    "name.Slope": ("Slope", "Налуу"),
    "name.Northness": ("Northness", "Хойд зүг рүү харсан байдал"),
    "name.Eastness": ("Eastness", "Зүүн зүг рүү харсан байдал"),
    "figure.no_value": ("no value in this map", "энэ зурагт утга алга"),
    "figure.km": ("{length} km", "{length} км"),
    "figure.east": ("E", " з.у"),
    "figure.west": ("W", " б.у"),
    "figure.north": ("N", " х.ө"),
    "figure.south": ("S", " ө.ө"),
    # Figures
    "correlation.title": ("Correlation of the monthly 9 km values", "9 км-ийн сарын утгын хамаарал"),
    "correlation.note": (
        (
            "n = {n} cells, whose neighbours are alike: worth {effective}\nindependent ones (Dutilleul's "
            "effective sample size)"
        ),
        (
            "n = {n} нүд, хөршүүд нь төстэй тул {effective} үл хамаарах\nнүдтэй тэнцүү (Дютийёлийн үр дүнт "
            "түүврийн хэмжээ)"
        ),
    ),
    "correlation.stars": (
        "** p < 0.01,  * p < 0.05, for as many independent cells",
        "** p < 0.01,  * p < 0.05, тэр тооны үл хамаарах нүдэд",
    ),
    "correlation.r": ("Pearson r", "Пирсоны r"),
    "importance.title": ("Importance of the predictors", "Тайлбарлагч хувьсагчдын ач холбогдол"),
    "importance.permutation": ("permutation", "холилт"),
    "importance.impurity": ("impurity", "цэвэр бус байдал"),
    "importance.note.permutation": (
        (
            "Permutation: error that shuffling adds on blocks that models had not seen; ± 1 standard deviation "
            "over folds."
        ),
        "Холилт: загварын хараагүй блокууд дээр хувьсагчийг холиход нэмэгдэх алдаа; ± нэг стандарт хазайлт.",
    ),
    "importance.note.impurity": (
        "Impurity: variance that splits remove in the training rows.",
        "Цэвэр бус байдал: мод салаалахад сургалтын мөрөөс арилах дисперс.",
    ),
    "importance.note.vif": (
        "VIF: variance inflation factor, 1 where the other predictors tell nothing.",
        "VIF: дисперсийн өсөлтийн коэффициент; бусад хувьсагч юу ч хэлэхгүй бол 1.",
    ),
    "importance.note.groups": (
        "Below the line: predictors of one origin, shuffled together; shares are among such groups.",
        "Шугамын доор: нэг гаралтай, хамт холигдсон хувьсагчид; хувь нь ийм бүлгүүдийн хооронд.",
    ),
    "importance.share": ("Share (%)", "Эзлэх хувь (%)"),
    "importance.growth": (
        "Added to an RMSE of {rmse} by shuffling (m³/m³)",
        "Холиход RMSE {rmse} дээр нэмэгдэх (м³/м³)",
    ),
    "dependence.title": (
        "Partial dependence of predicted soil moisture",
        "Тооцоолсон хөрсний чийгийн хэсэгчилсэн хамаарал",
    ),
    "dependence.note": (
        "Mean prediction over training rows with one predictor set to each value and the others left as they are.",
        "Нэг хувьсагчид утга бүрийг өгч, бусдыг хэвээр үлдээсэн үеийн сургалтын мөрийн дундаж тооцоо.",
    ),
    "dependence.beyond": (
        (
            "Beyond the training rows nothing was learned: a forest goes on as at their edge, a linear trend "
            "straight on."
        ),
        "Сургалтын мөрөөс цааш юу ч сураагүй: ой загвар захынхаараа, шугаман чиглэл шулуунаар үргэлжилнэ.",
    ),
    "dependence.detail": (
        "“{map}”: both axes are deviations from the mean over coarse cells, interpolated.",
        "“{map}”: хоёр тэнхлэг нь бүдүүн нүдний интерполяцалсан дунджаас хазайх хэмжээ.",
    ),
    "dependence.deviation": ("deviation from coarse cells", "бүдүүн нүднээс хазайлт"),
    "dependence.mean": ("mean prediction", "дундаж тооцоо"),
    "dependence.inner": ("5–95 % of the training rows", "сургалтын мөрийн 5–95 %"),
    "dependence.ends": ("their minimum and maximum", "тэдгээрийн бага ба их утга"),
    "figure.soil_moisture": ("Soil moisture", "Хөрсний чийг"),
    "figure.unit": ("m³/m³", "м³/м³"),
    "differences.title": ("Differences between products", "Бүтээгдэхүүн хоорондын зөрүү"),
    "differences.note": (
        "Taken away before observations are averaged.\nDashed: all pixels; bars: standard deviation over pixels.",
        "Ажиглалтыг дундажлахын өмнө хассан.\nТасархай: бүх пиксел; босоо зураас: пикселүүдийн стандарт хазайлт.",
    ),
    "differences.difference": (", difference", ", зөрүү"),
    "differences.class": ("Class of {name}", "{name}: ангилал"),
    "residual.title": (
        "What SMAP says beyond the predictors, at field points",
        "SMAP-ийн нэмж хэлэх зүйл, хээрийн цэгүүдээр",
    ),
    "residual.unknown": ("Residual weight {why}.", "Үлдэгдлийн жин: {why}."),
    "residual.moisture": ("weight 1: all soil moisture", "жин 1: бүгд хөрсний чийг"),
    "residual.error": ("weight 0: all error", "жин 0: бүгд алдаа"),
    "residual.points": (
        "weight {weight}: as the points have it\n({confidence} % interval: {interval})",
        "жин {weight}: цэгүүдээр\n({confidence} % завсар: {interval})",
    ),
    "residual.note": (
        (
            "Model: what “{map}” says of a point's cell, out of fold. a = {a} m³/m³ and b = {b} fit measured\n"
            "= a + b · model + w · (SMAP − model). A line's slope is its weight × b; of the points w = {w}."
        ),
        (
            "Загвар: цэгийн нүдний талаар “{map}”-ийн сургалтаас гадуур хэлэх утга. a = {a} м³/м³, b = {b}: хэмжсэн\n"
            "= a + b · загвар + w · (SMAP − загвар). Шугамын налуу нь жин × b; цэгүүдийнх w = {w}."
        ),
    ),
    "figure.between": ("{low} to {high}", "{low} … {high}"),
    "residual.x": ("SMAP − model, out of fold (m³/m³)", "SMAP − загвар, сургалтаас гадуур (м³/м³)"),
    "residual.y": ("Measured − (a + b · model) (m³/m³)", "Хэмжсэн − (a + b · загвар) (м³/м³)"),
    "residual.n": ("n = {pixels} pixels in {cells} cells", "n = {pixels} пиксел, {cells} нүдэнд"),
    "residual.weight": ("Weight of SMAP's own part", "SMAP-ийн өөрийн хэсгийн жин"),
    "field.title": ("SMAP and the map against field measurements", "SMAP ба зургийг хээрийн хэмжилттэй харьцуулсан нь"),
    "field.none": (
        "No field points lie on the maps.\nSet field_points in the configuration to compare with measurements.",
        "Зураг дээр хээрийн цэг алга.\nХэмжилттэй харьцуулахын тулд тохиргоонд field_points өг.",
    ),
    "field.line": ("least squares", "хамгийн бага квадрат"),
    "field.measured": ("Measured (m³/m³)", "Хэмжсэн (м³/м³)"),
    "field.map": ("SMAP or map (m³/m³)", "SMAP эсвэл зураг (м³/м³)"),
    "figure.bias": ("bias", "хазайлт"),
    "shift.title": ("Predictors at 9 km and at 1 km", "Тайлбарлагч хувьсагчид 9 ба 1 км-ээр"),
    "shift.note": (
        (
            "Grey: the range of the training rows; a forest goes on beyond it as at its edge, a linear trend "
            "straight on."
        ),
        ("Саарал: сургалтын утгын хүрээ; цааш ой загвар захынхаараа, шугаман чиглэл шулуунаар үргэлжилнэ."),
    ),
    "shift.deviations": (
        ("Deviations are what the model sees: at 9 km from the mean over coarse cells, at 1 km from that over 9 km."),
        "Загвар хазайлтыг хардаг: 9 км-т бүдүүн нүдний дунджаас, 1 км-т 9 км-ийн дунджаас.",
    ),
    "shift.deviation": (", deviation", ", хазайлт"),
    "shift.density": ("Density", "Нягт"),
    "shift.range": ("range of the training rows", "сургалтын мөрийн хүрээ"),
    "shift.rows": ("9 km, training rows", "9 км, сургалтын мөр"),
    "shift.pixels": ("1 km, pixels of the map", "1 км, зургийн пиксел"),
    "shift.outside": ("{share} of the pixels outside", "пикселийн {share} гадна"),
    "quality.title": ("Quality of the 1 km map", "1 км-ийн зургийн чанар"),
    "quality.note": (
        "A pixel can have several flags: the map shows the most severe one, in the order of the bars, from above.",
        (
            "Нэг пиксел хэд хэдэн тэмдэглэгээтэй байж болно: зурагт хамгийн ноцтойг, баганын дээрээс доош "
            "дарааллаар харуулав."
        ),
    ),
    "quality.unreconciled": (
        "No cell is reconciled (map.reconcile): “{flag}” is left out of a.",
        "Нэг ч нүд тохируулагдаагүй (map.reconcile): “{flag}”-г a-д оруулаагүй.",
    ),
    "quality.severe": ("Most severe flag", "Хамгийн ноцтой тэмдэглэгээ"),
    "quality.each": ("Pixels with each flag", "Тэмдэглэгээ бүрийн пиксел"),
    "quality.share": ("Share of the pixels with a value (%)", "Утгатай пикселд эзлэх хувь (%)"),
    "maps.title": ("Soil moisture, monthly mean", "Хөрсний чийг, сарын дундаж"),
    "maps.colours": (
        "Colours span the 1st to 99th percentile of the maps.",
        "Өнгө нь зургуудын 1–99 дэх персентилийг хамарна.",
    ),
    "maps.resolution": (
        "Effective resolution of “{map}”: {resolution} km.",
        "“{map}”-ийн бодит нарийвчлал: {resolution} км.",
    ),
    "maps.zoom": (
        "c, d: the rectangle in a, b, a well-filled part where b varies most.",
        "c, d: a, b дахь тэгш өнцөгт, утгаар дүүрэн, b хамгийн их хэлбэлзэх хэсэг.",
    ),
    "maps.enlarged": (", enlarged", ", томруулсан"),
    "maps.region": ("region", "бүс нутаг"),
    "maps.method": ("Method {method}", "“{method}” арга"),
    "maps.reconciled.yes": ("reconciled with SMAP", "SMAP-тай тохируулсан"),
    "maps.reconciled.no": ("not reconciled", "тохируулаагүй"),
    "maps.reconciled": ("reconciled {how}", "тохируулга: {how}"),
    "slide.simulated": ("simulated: nothing is measured", "загварчилсан: юу ч хэмжээгүй"),
    "slide.source": ("From {target} (SMAP).", "Эх сурвалж: {target} (SMAP)."),
    "name.use the map": ("use the map", "зургийг ашигла"),
    "name.use SMAP": ("use SMAP", "SMAP-ыг ашигла"),
    "name.better": ("better", "сайн"),
    "name.worse": ("worse", "муу"),
    "name.equal": ("equal", "ижил"),
    "name.not better": ("not better", "сайн биш"),
    "name.cannot be told": ("cannot be told", "хэлэх боломжгүй"),
    "name.random forest": ("random forest", "санамсаргүй ой"),
    "name.extra trees": ("extra trees", "хэт санамсаргүй мод"),
    "name.hist gradient boosting": ("hist gradient boosting", "гистограммтай градиент бустинг"),
    "name.linear": ("linear", "шугаман"),
    "cells.title": ("Predicted against observed SMAP, 9 km", "Тооцоолсон ба ажигласан SMAP, 9 км"),
    "cells.unscored": ("not scored", "үнэлээгүй"),
    "cells.none": ("no cells", "нүд алга"),
    "cells.train": ("training cells", "сургалтын нүд"),
    "cells.test": ("test cells, random split", "шалгах нүд, санамсаргүй хуваалт"),
    "cells.note": (
        "Neighbours of the test cells of a random split are among the training cells: not the accuracy at 1 km.",
        "Санамсаргүй хуваалтын шалгах нүднүүдийн хөрш нь сургалтад орсон: энэ 1 км дэх нарийвчлал биш.",
    ),
    "cells.null": ("RMSE without any predictor:", "Хувьсагчгүй үеийн RMSE:"),
    "figure.p_effective": ("{p} (effective sample size)", "{p} (үр дүнт түүвэр)"),
    "cells.predicted": ("Predicted (m³/m³)", "Тооцоолсон (м³/м³)"),
    "cells.count": ("Cells per hexagon", "Зургаан өнцөгт дэх нүд"),
    "coverage.title": ("Do the intervals hold what they should?", "Завсрууд агуулах ёстойгоо агуулж байна уу?"),
    "coverage.note": (
        "Total: with SMAP's own error. Conditional: if the cell means that the map is held to are right.",
        "Бүрэн: SMAP-ийн өөрийн алдаатай. Нөхцөлт: зургийг тохируулсан нүдний дундаж зөв бол.",
    ),
    "coverage.none": (
        "No interval: the region is too small to count errors one scale up.",
        "Завсар алга: бүс нутаг нэг шат бүдүүн алдааг тоолоход хэт жижиг.",
    ),
    "coverage.total": ("total (lower, upper): for values", "бүрэн (lower, upper): утгад"),
    "coverage.conditional": (
        "conditional (conditional_lower, …): for patterns",
        "нөхцөлт (conditional_lower, …): зүй тогтолд",
    ),
    "coverage.title.9 km, one scale up": (
        "One scale up, against SMAP, 9 km",
        "Нэг шат бүдүүн, SMAP 9 км-тэй харьцуулсан",
    ),
    "coverage.title.1 km, simulated truth": (
        "map, 1 km, against the simulated truth",
        "зураг, 1 км, загварчилсан үнэн утгатай",
    ),
    "coverage.title.1 km": ("map, 1 km", "зураг, 1 км"),
    "coverage.of.9 km, one scale up": ("One scale up", "Нэг шат бүдүүн"),
    "coverage.of.1 km, simulated truth": ("map, 1 km", "зураг, 1 км"),
    "coverage.of.1 km": ("map, 1 km", "зураг, 1 км"),
    "coverage.share": ("Coverage (%)", "Агуулсан хувь (%)"),
    "coverage.width": ("Mean width (m³/m³)", "Дундаж өргөн (м³/м³)"),
    "coverage.nominal": ("nominal", "зорьсон"),
    "coverage.same": (
        "{name}: SMAP's own error adds nothing, both intervals are the same.",
        "{name}: SMAP-ийн өөрийн алдаа юу ч нэмэхгүй, хоёр завсар ижил.",
    ),
    "coverage.smap": (
        "{name}: SMAP's own error makes {share} of the total interval's width of {width} m³/m³.",
        "{name}: бүрэн завсрын {width} м³/м³ өргөний {share} нь SMAP-ийн өөрийн алдаа.",
    ),
    "coverage.open": (
        ("{name}: what the map leaves open within cells makes {share} of the total interval's width of {width} m³/m³."),
        "{name}: бүрэн завсрын {width} м³/м³ өргөний {share} нь нүдэн доторх тодорхойгүй байдал.",
    ),
    "coverage.unknown": (
        "no truth at 1 km is known here:\nthe width alone",
        "1 км-ийн үнэн утга мэдэгдэхгүй:\nзөвхөн өргөн",
    ),
    "coverage.endless": ("no end", "хязгааргүй"),
    # The verdict
    "verdict.where.one scale up": (
        "One scale up, where SMAP at 9 km is known and restored from coarser cells",
        "Нэг шат бүдүүн хэмжээст, мэдэгдэж буй 9 км-ийн SMAP-ыг бүр бүдүүн нүднээс сэргээхэд",
    ),
    "verdict.where.field points": ("At field points", "Хээрийн цэгүүд дээр"),
    "verdict.where.simulated truth": (
        "Against the simulated truth at 1 km",
        "1 км-ийн загварчилсан үнэн утгатай харьцуулахад",
    ),
    "verdict.where.predicted gain": (
        "By what this run predicts of its map before any truth is read",
        "Энэ тооцоо өөрийн зургийн талаар үнэн утга уншихаас өмнө урьдчилснаар",
    ),
    "verdict.brief": ("Better than “{reference}”? {answers}.", "“{reference}”-аас сайн уу? {answers}."),
    "verdict.brief.one scale up": ("one scale up: {verdict}", "нэг шат бүдүүн: {verdict}"),
    "verdict.brief.field points": ("at field points: {verdict}", "хээрийн цэгт: {verdict}"),
    "verdict.brief.simulated truth": ("in the simulated truth: {verdict}", "загварчилсан үнэн утгад: {verdict}"),
    "verdict.brief.predicted gain": ("as predicted: {verdict}", "урьдчилснаар: {verdict}"),
    "verdict.is.better": (
        "{where}, the map is better than “{reference}”: {amount}.",
        "{where} зураг “{reference}”-аас сайн: {amount}.",
    ),
    "verdict.is.worse": (
        "{where}, the map is worse than “{reference}”: {amount}.",
        "{where} зураг “{reference}”-аас муу: {amount}.",
    ),
    "verdict.is.equal": (
        "{where}, the map is neither better nor worse than “{reference}” by an amount that matters: {amount}.",
        "{where} зураг “{reference}”-аас мэдэгдэхүйц сайн ч биш, муу ч биш: {amount}.",
    ),
    "verdict.is.not better": (
        "{where}, the map is not better than “{reference}” by an amount that matters, maybe worse: {amount}.",
        "{where} зураг “{reference}”-аас мэдэгдэхүйц сайн биш, магадгүй муу: {amount}.",
    ),
    "verdict.is.cannot be told": (
        "{where}, whether the map is better than “{reference}” cannot be told: {why}.",
        "{where} зураг “{reference}”-аас сайн эсэхийг хэлэх боломжгүй: {why}.",
    ),
    "verdict.amount": (
        "its RMSE is {size} ({rmse_map} instead of {rmse_reference} m³/m³{interval})",
        "RMSE нь {size} ({rmse_reference} биш, {rmse_map} м³/м³{interval})",
    ),
    "verdict.interval": ("; {confidence} % interval: {ends}", "; {confidence} % завсар: {ends}"),
    "verdict.size.smaller": ("{percent} % smaller", "{percent} % бага"),
    "verdict.size.larger": ("{percent} % larger", "{percent} % их"),
    "verdict.size.same": ("the same", "ижил"),
    "verdict.between": ("{low} to {high}", "{low} – {high}"),
    "verdict.why.too few": (
        "{n} values here are worth fewer than {blocks} independent ones",
        "эндхийн {n} утга {blocks} үл хамаарах утгад хүрэхгүй",
    ),
    "verdict.why.no error": (
        "“{reference}” has no error here that could be larger or smaller",
        "“{reference}” энд алдаагүй тул харьцуулах юмгүй",
    ),
    "verdict.why.unsure": ("{amount}, which leaves both open", "{amount}, энэ нь хоёр талдаа нээлттэй"),
    "verdict.why.no points": ("no field points were given", "хээрийн цэг өгөөгүй"),
    "verdict.why.no point on the maps": (
        "no field point of this month lies where all maps have a value",
        "энэ сарын нэг ч хээрийн цэг бүх зураг утгатай газарт алга",
    ),
    "verdict.remark.scatter of points": (
        "Both errors hold what a point differs by from its pixel.",
        "Хоёр алдаанд цэг пикселээсээ ялгарах зөрүү мөн орсон.",
    ),
    "verdict.remark.no predictor": (
        "The map uses no predictor: it is SMAP, interpolated.",
        "Зураг ямар ч хувьсагч ашиглаагүй: интерполяцалсан SMAP мөн.",
    ),
    "verdict.remark.same points": (
        "The map took the weight of SMAP's own part from these points: this is no independent test.",
        "Зураг SMAP-ийн өөрийн хэсгийн жинг эдгээр цэгээс авсан: энэ үл хамаарах шалгалт биш.",
    ),
    "verdict.remark.seen in training": (
        "The model had learned from the means of these very cells over 36 km: it had seen all of them.",
        "Загвар яг эдгээр нүдний 36 км-ийн дунджаас сурсан: бүгдийг нь харсан.",
    ),
    "verdict.remark.simulated data": ("The data are simulated.", "Өгөгдөл загварчилсан."),
    "group.all": ("all", "бүгд"),
    "group.fold": ("fold {number}", "{number}-р багц"),
    "group.below": ("{name} below {high}", "{name} {high}-аас доош"),
    "group.above": ("{name} {low} and above", "{name} {low} ба түүнээс дээш"),
    "group.between": ("{name} {low} to {high}", "{name} {low} – {high}"),
    # Sentences of tables and tags
    "said.yes": ("yes", "тийм"),
    "said.no": ("no", "үгүй"),
    "said.gain": (
        "{rows} complete cells of 18 km, {least} are needed to tell SMAP's error",
        "18 км-ийн бүрэн нүд {rows}, SMAP-ийн алдааг хэлэхэд {least} хэрэгтэй",
    ),
    "said.gain_reasons": (
        (
            "the deviation of what the predictors leave of the detail of 9 km is {ratio} of that of 18 km, for soil "
            "moisture {low} to {high}: SMAP errs by about {own} m3/m3 independently of the predictors, and by up to "
            "{told} m3/m3 with them, which no run sees; the map restores {restored} of the detail one level up and "
            "drops {dropped} of SMAP's own part"
        ),
        (
            "хувьсагчдын тайлбарлаагүй 9 км-ийн нарийвчлалын хазайлт 18 км-ийнхээс {ratio} дахин, хөрсний чийгт "
            "{low}–{high}: SMAP хувьсагчдаас үл хамааран ойролцоогоор {own} м³/м³, тэдэнтэй хамт {told} м³/м³ хүртэл "
            "алдана, үүнийг тооцоо харж чадахгүй; зураг нэг шат дээрх нарийвчлалын {restored}-ийг сэргээж, SMAP-ийн "
            "өөрийн хэсгийн {dropped}-ийг хаяна"
        ),
    ),
    "said.weighed": (
        "as far as {how}: SMAP has weight {weight}, the model's mean the rest",
        "{how}: SMAP-ийн жин {weight}, үлдсэн нь загварын дунджийнх",
    ),
    "said.warranted": ("warranted", "үндэслэлтэй хэмжээгээр"),
    "said.measured": ("measured at field points", "хээрийн цэгт хэмжсэн хэмжээгээр"),
    "said.restored": (
        "restored from {side} km in {folds} spatial folds, alpha {alpha}",
        "{side} км-ээс орон зайн {folds} багцаар сэргээсэн, alpha {alpha}",
    ),
    "said.learned": (
        "learned from {rows} cells of 36 km, all of which it had seen",
        "36 км-ийн {rows} нүднээс сурсан, бүгдийг нь харсан",
    ),
    "said.incomplete": (
        "no cell has the target and every predictor",
        "SMAP ба бүх хувьсагч нь утгатай нүд алга",
    ),
    "said.unscored": (
        "no cell has a value in every map that is compared",
        "харьцуулж буй бүх зураг утгатай нүд алга",
    ),
    "said.few": (
        "{rows} complete cells of 36 km, {least} are needed to learn",
        "36 км-ийн бүрэн нүд {rows}, сурахад {least} хэрэгтэй",
    ),
    "said.few_detail": (
        "{cells} complete cells of {side} km, too few to learn detail from",
        "{side} км-ийн бүрэн нүд {cells}, нарийвчлалыг сурахад хэт цөөн",
    ),
    "said.few_coarse": (
        "only {cells} coarse cells of {side} km where {least} are needed",
        "{side} км-ийн бүдүүн нүд {cells}, {least} хэрэгтэй",
    ),
    "said.untold": (
        "the predictors tell nothing out of fold",
        "хувьсагчид сургалтаас гадуур юу ч хэлэхгүй",
    ),
    "said.alpha": (
        "alpha is 0, the map is SMAP, interpolated: {why}",
        "alpha 0 тул зураг нь интерполяцалсан SMAP: {why}",
    ),
    "said.points": (
        "cannot be told: {pixels} pixels with points, {least} are needed",
        "хэлэх боломжгүй: цэгтэй пиксел {pixels}, {least} хэрэгтэй",
    ),
    "said.blocks": (
        "cannot be told: the points are worth {blocks} blocks, {least} are needed",
        "хэлэх боломжгүй: цэгүүд {blocks} блоктой тэнцүү, {least} хэрэгтэй",
    ),
    "said.undetermined": (
        "undetermined: what the model says cannot be told from the mean at the points",
        "тодорхойгүй: цэгүүд дээр загварын хэлснийг дунджаас ялгах боломжгүй",
    ),
    "said.same": (
        "cannot be told: SMAP, or what its model says, is the same at all points",
        "хэлэх боломжгүй: SMAP эсвэл загварынх нь утга бүх цэгт ижил",
    ),
    "said.drop": (
        "SMAP's own part is error as far as the points tell: drop it (method absolute, not reconciled)",
        "цэгүүдээр бол SMAP-ийн өөрийн хэсэг алдаа: хая (“absolute” арга, тохируулахгүй)",
    ),
    "said.conserve": (
        "SMAP's own part is soil moisture as far as the points tell: conserve it (map.reconcile: true)",
        "цэгүүдээр бол SMAP-ийн өөрийн хэсэг хөрсний чийг: хадгал (map.reconcile: true)",
    ),
    "said.merge": (
        ("SMAP's own part is soil moisture and error: merge it (map.reconcile: measured, or warranted if not sure)"),
        ("SMAP-ийн өөрийн хэсэг хөрсний чийг ба алдаа: нэгтгэ (map.reconcile: measured, эргэлзвэл warranted)"),
    ),
    "said.both": (
        "cannot be told: SMAP's own part may be all soil moisture or all error",
        "хэлэх боломжгүй: SMAP-ийн өөрийн хэсэг бүхэлдээ хөрсний чийг эсвэл бүхэлдээ алдаа байж болно",
    ),
    # The report
    "report.title": ("Soil moisture at 1 km", "Хөрсний чийгийн 1 км-ийн зураг"),
    "report.simulated": (
        "Simulated data: computed, not measured. They show how the method works and say nothing of a real place.",
        (
            "Загварчилсан өгөгдөл: хэмжсэн бус, тооцоолсон тоо. Арга хэрхэн ажилладгийг харуулах бөгөөд бодит "
            "газар нутгийн талаар юу ч хэлэхгүй."
        ),
    ),
    "report.short": ("In short", "Товчхон"),
    "report.values": (
        (
            "The upper 5 cm of the soil held {mean} m³/m³ of water on average over region and month; nine tenths "
            "of the pixels of 1 km lie between {low} and {high} m³/m³."
        ),
        (
            "Хөрсний өнгөн 5 см-ийн үед тухайн бүс нутаг, сарын дунджаар {mean} м³/м³ ус агуулагдаж байв; 1 "
            "км-ийн пикселийн 90 хувь нь {low}–{high} м³/м³-ийн хооронд байна."
        ),
    ),
    "report.width": (
        (
            "The interval of a pixel's value, which holds SMAP's own error too, is {total} m³/m³ wide on "
            "average, and is meant to hold the truth {nominal} of the time; that of the pattern within a cell of "
            "9 km is {conditional}."
        ),
        (
            "Пикселийн утгын завсар SMAP-ийн өөрийн алдааг мөн агуулах бөгөөд дунджаар {total} м³/м³ өргөн, үнэн "
            "утгыг {nominal} тохиолдолд агуулах ёстой; 9 км-ийн нүдэн доторх зүй тогтлын завсар {conditional} "
            "м³/м³ өргөн."
        ),
    ),
    "report.width.same": (
        (
            "The interval of a pixel's value is {total} m³/m³ wide on average, and is meant to hold the truth "
            "{nominal} of the time."
        ),
        "Пикселийн утгын завсар дунджаар {total} м³/м³ өргөн бөгөөд үнэн утгыг {nominal} тохиолдолд агуулах ёстой.",
    ),
    "report.flagless": (
        "{share} of the pixels with a value have no flag.",
        "Утгатай пикселийн {share} нь тэмдэглэгээгүй.",
    ),
    "report.question": ("The question", "Асуулт"),
    "report.question.text": (
        (
            "SMAP tells the water in the upper 5 cm of the soil as a mean over squares of 9 km. Fields, valleys "
            "and slopes are smaller. The map brings SMAP's monthly mean to pixels of 1 km by what other "
            "satellites see there: {predictors}. What does it say, is it better than SMAP drawn smoothly, and "
            "how sure is that?"
        ),
        (
            "SMAP хиймэл дагуул хөрсний өнгөн 5 см дэх усны хэмжээг 9 км талтай талбайн дунджаар өгдөг. "
            "Тариалангийн талбай, хөндий, энгэр налуу үүнээс жижиг. Энэ зураг SMAP-ийн сарын дунджийг бусад "
            "хиймэл дагуулын 1 км-ээр хардаг зүйлийн тусламжтайгаар 1 км-ийн пикселд шилжүүлнэ: {predictors}. "
            "Зураг юу хэлж байна, жигдрүүлсэн SMAP-аас сайн уу, үүнд хэр итгэж болох вэ?"
        ),
    ),
    "report.data": ("Data used, and what is missing", "Ашигласан ба дутуу өгөгдөл"),
    "report.column.product": ("Product", "Бүтээгдэхүүн"),
    "report.column.measures": ("It measures", "Хэмжих зүйл"),
    "report.column.tiles": ("Tiles", "Хавтан"),
    "report.column.expected": ("Granules expected", "Байх ёстой файл"),
    "report.column.found": ("Found", "Байсан"),
    "report.column.absent": ("Absent", "Байхгүй"),
    "report.complete": (
        "Nothing is missing: all {expected} granules of the month were there.",
        "Дутуу зүйл алга: тухайн сарын бүх {expected} файл байсан.",
    ),
    "report.incomplete": (
        "{absent} of {expected} granules were not there: {names}.",
        "{expected} файлын {absent} нь байгаагүй: {names}.",
    ),
    "report.more": ("and {n} more", "өөр {n}"),
    "report.unfilled": (
        "Nothing is filled in: a pixel without enough observations has no value. {n} pixels have one.",
        "Дутууг нөхөж бичээгүй: хангалттай ажиглалтгүй пиксел утгагүй үлдэнэ. {n} пиксел утгатай.",
    ),
    "report.maps": ("The maps", "Зураг"),
    "report.maps.caption": (
        (
            "Above, SMAP's cells of 9 km and the map of 1 km on one scale of colours; below, a part of both "
            "enlarged. Grey pixels have no value."
        ),
        (
            "Дээр: SMAP-ийн 9 км-ийн нүд ба 1 км-ийн зураг нэг өнгөний хуваарьтай; доор: хоёулангийнх нь нэг "
            "хэсгийг томруулсан. Саарал пиксел утгагүй."
        ),
    ),
    "report.sure": ("How sure a value is", "Утга хэр найдвартай вэ"),
    "report.sure.text": (
        (
            "Each pixel has two intervals (interval.tif). The total one holds SMAP's own error: it is for "
            "values. The conditional one takes SMAP's cell mean for right: it is for patterns, such as which "
            "pixels of a cell are wetter. Both are meant to hold the truth {nominal} of the time. What they held "
            "where that can be counted:"
        ),
        (
            "Пиксел бүр хоёр завсартай (interval.tif). Бүрэн завсар SMAP-ийн өөрийн алдааг агуулна: утгад "
            "зориулсан. Нөхцөлт завсар SMAP-ийн нүдний дунджийг зөв гэж үзнэ: зүй тогтолд, жишээ нь нүдний аль "
            "пиксел чийглэг болохыг харахад зориулсан. Аль аль нь үнэн утгыг {nominal} тохиолдолд агуулах ёстой. "
            "Тоолж болох газарт агуулсан нь:"
        ),
    ),
    "report.sure.points": (
        (
            "At field points the intervals of value and pattern may hold less, which is not their fault: a probe "
            "stands for some dm³ of soil and differs from the mean of its pixel. What a probe shows is held by the "
            "interval of a probe, which adds that difference."
        ),
        (
            "Хээрийн цэг дээр утга ба зүй тогтлын завсар цөөнийг агуулж болох ч энэ нь завсрын буруу биш: мэдрэгч "
            "хэдхэн дм³ хөрсийг төлөөлж, пикселийнхээ дунджаас ялгаатай. Мэдрэгчийн хэмжсэнийг түүний завсар "
            "агуулна: энэ ялгааг нэмсэн."
        ),
    ),
    "report.wide": ("{share}, wider than needed here", "{share}, энд хэрэгтэйгээс өргөн"),
    "report.narrow": ("{share}, narrower than meant here", "{share}, энд зорьсноос нарийн"),
    "report.sure.none": (
        "This run made no intervals (map.interval: null).",
        "Энэ тооцоонд завсар хийгээгүй (map.interval: null).",
    ),
    "intervals.small": (
        "interval.tif has no value: the region is too small to count errors one scale up.",
        "interval.tif утгагүй: бүс нутаг нэг шат бүдүүн алдааг тоолоход хэт жижиг.",
    ),
    "intervals.exact": (
        "The intervals do not estimate SMAP's own error: they take it as 0 (target_error), so that both are the same.",
        "Завсар SMAP-ийн өөрийн алдааг үнэлээгүй: түүнийг 0 гэж авсан (target_error) тул хоёр завсар ижил.",
    ),
    "intervals.taken": (
        "The intervals do not estimate SMAP's own error: they take it to be {error} m³/m³ (target_error).",
        "Завсар SMAP-ийн өөрийн алдааг үнэлээгүй: түүнийг {error} м³/м³ гэж авсан (target_error).",
    ),
    "intervals.weighed": (
        (
            "The intervals do not estimate SMAP's own error: they take it to be {error} m³/m³ (target_error), of which "
            "{left} is left in the cells that the map is held to."
        ),
        (
            "Завсар SMAP-ийн өөрийн алдааг үнэлээгүй: түүнийг {error} м³/м³ гэж авсан (target_error), үүнээс {left} нь "
            "зургийг тохируулсан нүдэнд үлдсэн."
        ),
    ),
    "report.mostly.smap": (
        "Most of the total interval is SMAP's own error: the pattern is surer than the value.",
        "Бүрэн завсрын ихэнх нь SMAP-ийн өөрийн алдаа: зүй тогтол утгаас илүү найдвартай.",
    ),
    "report.mostly.open": (
        "Most of the total interval is what the map leaves open within cells, not SMAP's own error.",
        "Бүрэн завсрын ихэнх нь SMAP-ийн өөрийн алдаа бус, нүдэн доторх тодорхойгүй байдал.",
    ),
    "report.column.compared_with": ("Compared with", "Харьцуулсан зүйл"),
    "report.column.interval": ("Interval", "Завсар"),
    "report.column.n": ("n", "n"),
    "report.column.held": ("Held", "Агуулсан"),
    "report.column.mean_width": ("Mean width (m³/m³)", "Дундаж өргөн (м³/м³)"),
    "report.scores": ("Scores, and what they do not say", "Үнэлгээ ба түүний хэлдэггүй зүйл"),
    "report.scores.text": (
        (
            "SMAP is known at 9 km. One scale up, the map's method restores it from coarser cells, in parts of "
            "the region that it did not learn from; beside it stands SMAP without any predictor, at the same "
            "cells:"
        ),
        (
            "SMAP 9 км-ээр мэдэгдэж байгаа. Нэг шат бүдүүн хэмжээст зургийн арга түүнийг бүр бүдүүн нүднээс, "
            "сургалтад ороогүй хэсэгт сэргээнэ; хажууд нь ямар ч тайлбарлагч хувьсагчгүй SMAP мөн адил нүднүүдэд:"
        ),
    ),
    "report.scores.text.absolute": (
        (
            "SMAP is known at 9 km. One scale up, the map's method restores it from coarser cells, in all parts of "
            "the region, also those that it learned from, which flatters it; beside it stands SMAP without any "
            "predictor, at the same cells:"
        ),
        (
            "SMAP 9 км-ээр мэдэгдэж байгаа. Нэг шат бүдүүн хэмжээст зургийн арга түүнийг бүр бүдүүн нүднээс бүс "
            "нутгийн бүх хэсэгт, сурсан хэсэгтээ ч сэргээнэ, энэ нь үнэлгээг сайжруулж харагдуулна; хажууд нь ямар ч "
            "тайлбарлагч хувьсагчгүй SMAP мөн адил нүднүүдэд:"
        ),
    ),
    "report.scores.none": ("The map could not be scored: {why}.", "Зургийг үнэлж чадсангүй: {why}."),
    "report.scores.not": (
        (
            "What they do not say: they compare with SMAP, not with soil, and at 9 km, not at 1 km. Who restores "
            "SMAP's pattern well reproduces a product that is partly a model itself. tables/scores.csv has all "
            "protocols, also the study's random split, which looks better than it is, because neighbours sit in "
            "both halves."
        ),
        (
            "Хэлдэггүй зүйл: эдгээр нь хөрстэй бус SMAP-тай, 1 км бус 9 км-ээр харьцуулсан. SMAP-ийн зүй тогтлыг "
            "сайн сэргээх нь өөрөө хэсэгчлэн загвар болох бүтээгдэхүүнийг давтаж буй хэрэг. tables/scores.csv-д "
            "бүх туршилт бий, түүний дотор судалгааны санамсаргүй хуваалт: хөрш нүднүүд хоёр талд орсноос бодит "
            "байдлаасаа сайн харагддаг."
        ),
    ),
    "report.column.map": ("Map", "Зураг"),
    "report.column.rmse": ("RMSE (m³/m³)", "RMSE (м³/м³)"),
    "report.column.r": ("r", "r"),
    "report.column.r_interval": ("r (95 % interval)", "r (95 % завсар)"),
    "report.column.bias": ("Bias (m³/m³)", "Хазайлт (м³/м³)"),
    "report.field": ("Field check", "Хээрийн шалгалт"),
    "report.field.text": (
        (
            "Field points in {n} pixels, against each map at the same pixels. A point stands for some dm³ of "
            "soil and a pixel for 1 km²: every map errs by that too, so that its share in the RMSE says nothing "
            "of the map."
        ),
        (
            "{n} пиксел дэх хээрийн цэгүүдийг зураг тус бүртэй ижил пикселд харьцуулав. Нэг цэг хэдхэн дм³ "
            "хөрсийг, пиксел 1 км²-ыг төлөөлдөг: аль ч зураг үүгээр алдана, тиймээс RMSE дахь энэ хэсэг зургийн "
            "талаар юу ч хэлэхгүй."
        ),
    ),
    "report.field.none": (
        (
            "No field points lie on the map: nothing here was compared with soil. The key field_points of the "
            "configuration names a table of yours."
        ),
        (
            "Зураг дээр хээрийн цэг алга: энд юуг ч хөрстэй харьцуулаагүй. Тохиргооны field_points түлхүүр таны "
            "хүснэгтийг заана."
        ),
    ),
    "report.quality": ("Quality", "Чанар"),
    "report.quality.caption": (
        (
            "The most severe flag of each pixel, and the share of the pixels with a value that have each flag; a "
            "pixel can have several (quality.tif)."
        ),
        (
            "Пиксел бүрийн хамгийн ноцтой тэмдэглэгээ, мөн утгатай пикселийн хэдэн хувь нь тус бүр "
            "тэмдэглэгээтэй; нэг пиксел хэд хэдэн тэмдэглэгээтэй байж болно (quality.tif)."
        ),
    ),
    "report.reading": ("How to read the map", "Зургийг хэрхэн унших вэ"),
    "report.reading.value": (
        (
            "A value is the volume of water in a volume of soil, 0.20 being a fifth, as a mean of the month, of "
            "1 km², and of the upper 5 cm. It does not tell single days, single fields or the root zone."
        ),
        (
            "Утга нь хөрсний эзлэхүүн дэх усны эзлэхүүн: 0.20 бол тавны нэг. Энэ нь тухайн сар, 1 км² талбай, "
            "өнгөн 5 см-ийн дундаж. Тодорхой өдөр, жижиг талбай, үндэсний бүсийн талаар хэлэхгүй."
        ),
    ),
    "report.reading.interval": (
        (
            "Compare a value with other data by its total interval, pixels of one cell with each other by the "
            "conditional one."
        ),
        "Утгыг бусад өгөгдөлтэй бүрэн завсраар, нэг нүдний пикселүүдийг хооронд нь нөхцөлт завсраар харьцуул.",
    ),
    "report.reading.flags": (
        (
            "Leave out pixels that are frozen or hold water, snow or ice; read those outside of the area of "
            "applicability or of the training range as guesses."
        ),
        (
            "Хөлдүү, эсвэл ус, цас, мөстэй пикселийг бүү ашигла; загвар хэрэглэх муж, сургалтын хүрээнээс "
            "гадуурхыг таамаг гэж унш."
        ),
    ),
    "report.reading.words": (
        (
            "“One scale up” is the same method tried where SMAP is known: cells of 9 km made from coarser ones. "
            "“Bilinear” is SMAP interpolated smoothly between the centres of its cells. “Reconciled” is shifted so "
            "that the mean of each cell equals SMAP's, or what is left of SMAP's value after weighing."
        ),
        (
            "“Нэг шат бүдүүн” гэдэг нь мөн аргыг SMAP мэдэгдэж байгаа газар туршсан нь: 9 км-ийн нүдийг бүдүүн нүднээс "
            "гаргасан. “Билинеар” гэдэг нь нүдний төвүүдийн хооронд жигд интерполяцалсан SMAP. “Тохируулсан” гэдэг нь "
            "нүд бүрийн дунджийг SMAP-ийнхтэй, эсвэл жинлэсний дараах утгатай тэнцүү болгож шилжүүлсэн."
        ),
    ),
    "report.reading.resolution": (
        "The map has pixels of 1 km and shows patterns from {resolution} km on.",
        "Зураг 1 км-ийн пикселтэй бөгөөд {resolution} км-ээс эхэлсэн зүй тогтлыг харуулна.",
    ),
    "report.reading.smap": (
        (
            "Where the verdict is that the map is not better than interpolated SMAP, interpolated SMAP is the "
            "simpler choice."
        ),
        ("Зураг интерполяцлагдсан SMAP-аас сайн биш гэсэн дүгнэлттэй бол интерполяцлагдсан SMAP-ыг ашиглах нь энгийн."),
    ),
    "report.provenance": ("What it was made from", "Юунаас хийсэн бэ"),
    "report.provenance.region": ("Region", "Бүс нутаг"),
    "report.provenance.month": ("Month", "Сар"),
    "report.provenance.source": ("Source", "Эх сурвалж"),
    "report.provenance.target": ("Soil moisture", "Хөрсний чийг"),
    "report.provenance.predictors": ("Predictors", "Тайлбарлагч хувьсагч"),
    "report.provenance.model": ("Model", "Загвар"),
    "report.provenance.reconciled": ("Reconciled with SMAP", "SMAP-тай тохируулсан"),
    "report.provenance.software": ("Software", "Програм"),
    "report.provenance.revision": ("Revision", "Хувилбарын код"),
    "report.provenance.files": ("Your files", "Таны файл"),
    "report.counts": (
        "Counts (n) differ: each table counts where all that it compares has a value.",
        "Тоо (n) өөр өөр: хүснэгт бүр харьцуулж буй бүх зүйл утгатай газрыг тоолно.",
    ),
    "report.provenance.more": (
        "provenance.json has every granule with its checksum, the whole configuration, and all versions.",
        "provenance.json-д файл бүрийн хяналтын нийлбэр, тохиргоо бүхэлдээ, бүх хувилбар бий.",
    ),
    "report.citations": ("Licence and citations", "Лиценз ба эшлэл"),
    "report.licence": (
        "The software is free under the MIT licence. NASA's data are free to use; NASA asks to cite them:",
        (
            "Програм MIT лицензтэй, чөлөөтэй ашиглана. NASA-гийн өгөгдлийг чөлөөтэй ашиглаж болох бөгөөд эшлэл "
            "хийхийг NASA хүсдэг:"
        ),
    ),
    "report.licence.simulated": (
        (
            "The software is free under the MIT licence. These data are simulated in the form of NASA's "
            "products, which a map of real data cites:"
        ),
        (
            "Програм MIT лицензтэй, чөлөөтэй ашиглана. Энэ өгөгдлийг NASA-гийн бүтээгдэхүүний хэлбэрээр "
            "загварчилсан; бодит өгөгдлийн зураг дараахыг эшилнэ:"
        ),
    ),
    "report.page": ("{number} / {total}", "{number} / {total}"),
    # README.txt
    "readme.group.first": ("Open first", "Эхлээд нээх"),
    "readme.group.maps": ("The map", "Зураг"),
    "readme.group.cells": ("What it is made by", "Юугаар хийсэн"),
    "readme.group.tables": ("Tables and figures", "Хүснэгт ба дүрс"),
    "readme.group.exports": ("In other formats", "Бусад форматаар"),
    "readme.group.made": ("Provenance", "Гарал үүсэл"),
    "readme.months": ("Months", "Сарууд"),
    "readme.months.text": (
        "Each month's folder has a README.txt of its own.",
        "Сар бүрийн хавтаст өөрийн README.txt бий.",
    ),
    "readme.index.html": (
        "all months of the region in one page, in a browser",
        "бүс нутгийн бүх сар нэг хуудсанд, хөтчөөр нээнэ",
    ),
    "readme.map.html": (
        "the map beside SMAP, with the value under the cursor, in a browser; needs no network",
        "зураг SMAP-ийн хажууд, курсорын доорх утгатай, хөтчөөр нээнэ; сүлжээ хэрэггүй",
    ),
    "readme.report.html": (
        "the report: what the map says, whether it is better than SMAP, how sure",
        "тайлан: зураг юу хэлж байна, SMAP-аас сайн уу, хэр найдвартай вэ",
    ),
    "readme.report.pdf": ("the same, to print", "мөн адил, хэвлэхэд"),
    "readme.soil_moisture.tif": (
        "the map: monthly mean soil moisture, 0–5 cm, m³/m³, pixels of 1 km (EPSG:6933); no value is NaN",
        "зураг: хөрсний чийгийн сарын дундаж, 0–5 см, м³/м³, 1 км-ийн пиксел (EPSG:6933); утгагүй нь NaN",
    ),
    "readme.interval.tif": (
        (
            "where each value may lie: lower and upper with SMAP's own error as taken (for values), conditional_lower "
            "and conditional_upper without it (for patterns), m³/m³"
        ),
        (
            "утга бүр хаана байж болох: lower, upper нь SMAP-ийн авсан алдаатай (утгад), conditional_lower, "
            "conditional_upper нь түүнгүй (зүй тогтолд), м³/м³"
        ),
    ),
    "readme.quality_class.tif": (
        "the most severe doubt about each pixel, in a colour and in words",
        "пиксел бүрийн хамгийн ноцтой эргэлзээ, өнгөөр ба үгээр",
    ),
    "readme.quality.tif": (
        "all that is doubtful of each pixel, as bits that the file's metadata name",
        "пиксел бүрийн бүх эргэлзээтэй зүйл, файлын метадатад нэрлэсэн битээр",
    ),
    "readme.applicability.tif": (
        (
            "how far each pixel's predictors are from all that the model learned from; above the threshold in "
            "the metadata it guesses"
        ),
        "пикселийн хувьсагчид загварын сурсан зүйлээс хэр хол; метадата дахь босгоос дээш бол таамаг",
    ),
    "readme.*.qml": (
        "colours and legend of a raster; QGIS finds them by itself",
        "растрын өнгө ба тайлбар; QGIS өөрөө олно",
    ),
    "readme.*.tif.aux.xml": (
        "the flags in words, for GDAL, R and ArcGIS",
        "тэмдэглэгээ үгээр, GDAL, R, ArcGIS-д",
    ),
    "readme.exports/": (
        "where the configuration asks for it (export): the same map, its numbers or figures in other formats",
        "тохиргоонд хүссэн бол (export): мөн зураг, түүний тоо, дүрс бусад форматаар",
    ),
    "readme.exports.region": (
        "where the configuration asks for it (export): all months as one Zarr, a STAC collection of them",
        "тохиргоонд хүссэн бол (export): бүх сар нэг Zarr-д, тэдгээрийн STAC цуглуулга",
    ),
    "readme.soil_moisture_9km.tif": (
        "SMAP's monthly mean, cells of 9 km, m³/m³",
        "SMAP-ийн сарын дундаж, 9 км-ийн нүд, м³/м³",
    ),
    "readme.target_weight_9km.tif": (
        "how much of SMAP's own value, 0 to 1, is in what each cell of the map is held to",
        "зургийн нүд бүрийг тохируулсан утгад SMAP-ийн өөрийн утга хэр их орсон, 0–1",
    ),
    "readme.predictors.tif": (
        "what the other satellites saw, pixels of 1 km, with the days of valid observations",
        "бусад хиймэл дагуулын харсан зүйл, 1 км-ийн пиксел, хүчинтэй ажиглалтын өдрүүдтэй",
    ),
    "readme.samples.parquet": ("what the model learned from, a row a cell", "загварын сурсан зүйл, нэг нүд нэг мөр"),
    "readme.model.skops": ("the fitted model", "сургасан загвар"),
    "readme.tables/*.csv": ("numbers, rounded, for people", "тоонууд, бөөрөнхийлсөн, хүнд зориулсан"),
    "readme.tables/columns.csv": (
        "what each column of each table means, its unit, and how it is rounded (English)",
        "хүснэгт бүрийн багана юуг илэрхийлэх, нэгж, бөөрөнхийлөлт (англиар)",
    ),
    "readme.tables/full/*.parquet": (
        "the same tables with all digits, for programs",
        "мөн хүснэгтүүд бүх оронтойгоо, програмд зориулсан",
    ),
    "readme.figures/*.png": ("pictures of maps and tables", "зураг ба хүснэгтийн дүрслэл"),
    "readme.jobs": (
        "What jobs use, and nobody needs to read the result: {names}.",
        "Зөвхөн тооцоонд хэрэглэдэг, үр дүнг уншихад хэрэггүй: {names}.",
    ),
    "readme.provenance.json": (
        "every granule with its checksum, the configuration, and all versions",
        "файл бүр хяналтын нийлбэртэйгээ, тохиргоо, бүх хувилбар",
    ),
    # Pages
    "page.map_title": ("Soil moisture, monthly mean", "Хөрсний чийг, сарын дундаж"),
    "page.region_title": ("Soil moisture by month", "Хөрсний чийг сараар"),
    "page.no_value": ("no value", "утгагүй"),
    "page.no_script": (
        ("This page needs a browser with JavaScript: the numbers behind it are in soil_moisture.tif, beside it."),
        "Энэ хуудсанд JavaScript-тэй хөтөч хэрэгтэй: цаад тоонууд нь хажууд байгаа soil_moisture.tif-д бий.",
    ),
    "page.failed": (
        "This browser cannot show the map: take one of 2024 or later, or open soil_moisture.tif, beside it.",
        (
            "Энэ хөтөч зургийг үзүүлж чадахгүй: 2024 оноос хойших хөтөч хэрэглэ, эсвэл хажууд байгаа "
            "soil_moisture.tif-ийг нээ."
        ),
    ),
    "page.simulated": (
        ("Simulated data: computed, not measured. They show how the method works and say nothing of a real place."),
        "Загварчилсан өгөгдөл: хэмжээгүй, тооцоолсон. Аргыг үзүүлэх бөгөөд бодит газрын тухай юу ч хэлэхгүй.",
    ),
    "page.links": ("Files of this result", "Үр дүнгийн файлууд"),
    "page.report": ("Report", "Тайлан"),
    "page.readme": ("What the files are", "Файлуудын тайлбар"),
    "page.provenance": ("Provenance", "Гарал үүсэл"),
    "page.all_months": ("All months", "Бүх сар"),
    "page.map_help": (
        (
            "Map. Arrow keys move the cursor by a pixel of 1 km, with Shift by ten; plus and minus zoom, 0 "
            "shows the whole region, Enter keeps the value."
        ),
        (
            "Зураг. Сумт товч курсорыг 1 км-ийн пикселээр, Shift-тэй бол арваар зөөнө; нэмэх, хасах товч "
            "томруулж жижигрүүлнэ, 0 бүх бүс нутгийг харуулна, Enter утгыг хадгална."
        ),
    ),
    "page.zoom_in": ("Zoom in", "Томруулах"),
    "page.zoom_out": ("Zoom out", "Жижигрүүлэх"),
    "page.zoom_whole": ("Show the whole region", "Бүх бүс нутгийг харуулах"),
    "page.place": ("centre of the pixel", "пикселийн төв"),
    "page.outside": ("outside of the map", "зургаас гадна"),
    "page.north": ("N", "х.ө"),
    "page.south": ("S", "ө.ө"),
    "page.east": ("E", "з.у"),
    "page.west": ("W", "б.у"),
    "page.km": ("{number} km", "{number} км"),
    "page.m": ("{number} m", "{number} м"),
    "page.legend": ("Legend", "Таних тэмдэг"),
    "page.licences": ("Licences of the software in this page", "Энэ хуудасны програмын лицензүүд"),
    "page.left": ("Left of the divider", "Зааглагчийн зүүн тал"),
    "page.right": ("Right of the divider", "Зааглагчийн баруун тал"),
    "page.show_points": ("field points", "хээрийн цэгүүд"),
    "page.layer_width": ("Width of the interval", "Завсрын өргөн"),
    "page.layer_flags": ("Flags", "Тэмдэглэгээ"),
    "page.layer_difference": ("map minus SMAP", "зураг хасах нь SMAP"),
    "page.most_severe_flag": ("Most severe flag of the pixel", "Пикселийн хамгийн ноцтой тэмдэглэгээ"),
    "page.divider": ("Divider between two layers", "Хоёр давхаргын зааглагч"),
    "page.divider_at": (
        "{percent} %: {left} on the left, {right} on the right",
        "{percent} %: зүүн талд {left}, баруун талд {right}",
    ),
    "page.at_cursor": ("At the cursor", "Курсор дээр"),
    "page.interval": ("interval, {percent} %", "завсар, {percent} %"),
    "page.interval_from_to": ("{low} to {high}\N{NO-BREAK SPACE}{unit}", "{low} … {high}\N{NO-BREAK SPACE}{unit}"),
    "page.conditional": ("interval in its cell", "нүдэн дэх завсар"),
    "page.wide": ("{width} wide", "өргөн нь {width}"),
    "page.smap_of_the_cell": ("SMAP, 9 km cell", "SMAP, 9 км-ийн нүд"),
    "page.flags": ("flags", "тэмдэглэгээ"),
    "page.field_point": ("field point {id}", "хээрийн цэг {id}"),
    "page.hint": (
        "Move over the map, or with the arrow keys. A click, or Enter, keeps the value.",
        "Зураг дээгүүр хөдөлгө, эсвэл сумт товч дар. Товших эсвэл Enter утгыг хадгална.",
    ),
    "page.kept": ("Kept values", "Хадгалсан утгууд"),
    "page.none_kept": ("None yet.", "Одоохондоо алга."),
    "page.remove_number": ("Remove value {number}", "{number}-р утгыг устгах"),
    "page.kept_number": ("Value {number} is kept.", "{number}-р утгыг хадгаллаа."),
    "page.copy": ("Copy as CSV", "CSV-ээр хуулах"),
    "page.csv": ("Kept values as CSV", "Хадгалсан утгууд CSV-ээр"),
    "page.copied": ("Copied.", "Хуулав."),
    "page.copy_yourself": (
        "The browser does not allow it: copy the lines yourself.",
        "Хөтөч зөвшөөрөхгүй байна: мөрүүдийг өөрөө хуул.",
    ),
    "page.go_to": ("Go to a place", "Газар руу очих"),
    "page.longitude": ("Longitude (° E)", "Уртраг (° з.у)"),
    "page.latitude": ("Latitude (° N)", "Өргөрөг (° х.ө)"),
    "page.go": ("Go", "Очих"),
    "page.choose_point": ("Field point", "Хээрийн цэг"),
    "page.no_point": ("none chosen", "сонгоогүй"),
    "page.verdict_title": ("Is the map better than interpolated SMAP?", "Зураг интерполяцалсан SMAP-аас сайн уу?"),
    "page.verdict_sentences": ("In sentences, with numbers", "Өгүүлбэрээр, тоотой"),
    "page.about": ("About this map", "Энэ зургийн тухай"),
    "page.made_from": (
        "Made from {products}. Software: kilomoist, with OpenLayers and proj4 in this page.",
        "Ашигласан өгөгдөл: {products}. Програм: kilomoist, энэ хуудсанд OpenLayers ба proj4.",
    ),
    "page.about_values": (
        ("Values come from the data in this page, to 0.0005 m³/m³; soil_moisture.tif, beside it, holds all digits."),
        (
            "Утгыг энэ хуудсан дахь өгөгдлөөс 0.0005 м³/м³ хүртэл нарийвчлан харуулна; хажууд байгаа "
            "soil_moisture.tif-д бүх орон нь бий."
        ),
    ),
    "page.about_colours": (
        "Colours span the 1st to 99th percentile of the values; what lies beyond has the colour of the end.",
        "Өнгө нь утгуудын 1–99 дэх персентилийг хамарна; түүнээс гадуурх нь захын өнгөтэй.",
    ),
    "page.about_interval": (
        (
            "The interval holds the error of SMAP too: it is meant for the value of a pixel, not for the "
            "pattern within a cell. To compare pixels of one cell take the one that holds if SMAP’s value of the cell "
            "is right (conditional_lower, conditional_upper in interval.tif, beside the page); the cursor tells its "
            "width where it differs."
        ),
        (
            "Завсарт SMAP-ийн өөрийн алдаа орсон: пикселийн утгад зориулсан, нүдэн доторх зүй тогтолд биш. Нэг нүдний "
            "пикселүүдийг харьцуулахдаа нүдний SMAP утга зөв үеийн завсрыг ав (хажууд байгаа interval.tif дэх "
            "conditional_lower, conditional_upper); ялгаатай бол өргөнийг нь курсор дээр үзүүлнэ."
        ),
    ),
    "page.about_projection": (
        (
            "Drawn in a projection around the region’s centre that keeps areas. The scale bar is the length "
            "on the globe, from west to east, at the centre of the view."
        ),
        (
            "Бүс нутгийн төвийг тойрсон, талбай хадгалдаг тусгагаар зурав. Масштабын шугам нь харагдаж буй "
            "хэсгийн төвд баруунаас зүүн тийш бөмбөрцөг дээрх урт."
        ),
    ),
    "page.month": ("Month", "Сар"),
    "page.layer": ("Layer", "Давхарга"),
    "page.open_map": ("Open this month’s map", "Энэ сарын зургийг нээх"),
    "page.region_hint": (
        "One scale of colours for all months. A click, or Enter, shows the place in all months.",
        "Бүх сард нэг өнгөний хуваарь. Товших эсвэл Enter тухайн газрыг бүх сараар харуулна.",
    ),
    "page.averaged": (
        "Drawn in squares of {number} km: each month’s own map has all pixels.",
        "{number} км-ийн квадратаар зурав: сар бүрийн өөрийн зурагт бүх пиксел бий.",
    ),
    "page.averaged_pixels": (
        (
            "Drawn in squares of {number} km, means of their pixels, with each flag that any of them has: the files "
            "have all pixels."
        ),
        "{number} км-ийн квадратаар зурав: пикселүүдийн дундаж, аль нэгнийх нь тэмдэглэгээ бүр; файлд бүх пиксел бий.",
    ),
    "page.series": ("Series", "Цуваа"),
    "page.series_of_region": ("Mean of the region.", "Бүс нутгийн дундаж."),
    "page.series_of": ("Mean of the region, and {place}.", "Бүс нутгийн дундаж ба {place}."),
    "page.map_mean": ("map, 1 km: mean of the region", "зураг, 1 км: бүс нутгийн дундаж"),
    "page.smap_mean": ("SMAP, 9 km: mean of the region", "SMAP, 9 км: бүс нутгийн дундаж"),
    "page.map_here": ("map, 1 km: here", "зураг, 1 км: энд"),
    "page.smap_here": ("SMAP, 9 km: here", "SMAP, 9 км: энд"),
    "page.months": ("Months", "Сарууд"),
    "page.series_means": (
        "Means are of the pixels that the month’s map has, and of SMAP at the same pixels.",
        "Дундаж нь тухайн сарын зургийн утгатай пикселүүдийнх, SMAP-ийнх мөн тэр пикселүүдийнх.",
    ),
    "page.column_map_mean": ("map, mean (m³/m³)", "зураг, дундаж (м³/м³)"),
    "page.column_smap_mean": ("SMAP, mean (m³/m³)", "SMAP, дундаж (м³/м³)"),
    "page.column_map_here": ("map, here", "зураг, энд"),
    "page.column_smap_here": ("SMAP, here", "SMAP, энд"),
    "page.column_scale_up": ("one scale up", "нэг шат бүдүүн"),
    "page.column_points": ("at field points", "хээрийн цэгүүд дээр"),
    "page.column_truth": ("against the simulated truth", "загварчилсан үнэн утгатай"),
    "page.column_open": ("open", "нээх"),
    "page.about_verdicts": (
        (
            "The last columns compare the map with interpolated SMAP, whose RMSE (m³/m³) stands behind the "
            "map’s: one scale up, where SMAP at 9 km is known and restored from coarser cells; at field "
            "points; against the truth where data are simulated."
        ),
        (
            "Сүүлийн баганууд зургийг интерполяцалсан SMAP-тай харьцуулна; зургийн RMSE-ийн ард SMAP-ийнх "
            "(м³/м³): нэг шат бүдүүн, 9 км-ийн SMAP мэдэгдэж, бүдүүн нүднээс сэргээгдэх үед; хээрийн цэгүүд "
            "дээр; загварчилсан өгөгдөлд үнэн утгатай."
        ),
    ),
    "page.open_report": ("report", "тайлан"),
    "page.open_page": ("map", "зураг"),
}
"""English, Mongolian. A name begins with `name.`; a text in braces is replaced by a value."""
