"""Spellings of places: what two ways to write one name have in common."""

import re
import unicodedata
from functools import cache

__all__ = ["fold_name", "normalise_name"]

_APOSTROPHES = re.compile("['’‘‛`´′＇]")
# Letters whose Unicode name tells which letters they are: 'D WITH STROKE', 'DOTLESS I', 'AE', 'LIGATURE OE'.
_LATIN = re.compile(r"LATIN SMALL (?:LETTER|LIGATURE) (?:[A-Z]+ )*?([A-Z]{1,2})(?: WITH .+)?")
# And those that bear a name of their own, as the usual plain spellings have them (Gəncə: Ganja).
_NAMED = {"ð": "d", "þ": "th", "ŋ": "ng", "ə": "a", "ʒ": "z"}
# Articles before a name, in the spellings of Arabic that the sources use, and of Romance languages.
_ARTICLES = re.compile(r"^(al|ar|as|at|an|ad|ash|az|el|the|la|le|les|los|las)(\s+|$)")
# Words that say that a place is a province, whatever its country calls one; folded.
_GENERIC_WORDS = """
    province provinces provincia provincie provinz provins provinsi prov state states estado etat bundesland
    region regions regiao regione regiunea gobolka mkoa division divisions territory territoire territorio
    governorate governorates gouvernorat governatorato gubernia guberniya
    muhafazah muhafazat muhafaza muhafadha muhafadhah muhafadhat mohafazah mohafazat mohafaza mohafadha
    wilaya wilayah wilayat vilayet vilayat velayat welayat welayaty viloyat viloyati ostan mintaqa mintaqah mintaqat
    department departments departement departamento departamentul distrito district districts distretto
    county counties comitat judet judetul megye zupanija parish prefecture prefectures prefectura canton kanton cantone
    oblast oblasti oblasts oblys oblysy krai kray kraj okrug raion rayon republic voivodeship wojewodztwo
    il ili aimag marz qarku tinh changwat khoueng dzongkhag
    область край محافظة ولاية استان
"""
_GENERIC = frozenset(_GENERIC_WORDS.split())
# Words between such a word and the name: Région de Mopti, Departamento del Cauca, Ostan-e Fars, Mkoa wa Dodoma.
_WORDS_BETWEEN = "of de del des du d di da do dos das della dell e i ye wa"
_BETWEEN = frozenset(_WORDS_BETWEEN.split())
_ELISION = re.compile(r"^(d|l|dell)'")


def fold_name(text: str) -> str:
    """A name without case, accents and punctuation, in plain letters where it is written in Latin ones."""
    return " ".join(_plain(text).replace("'", "").split())


def normalise_name(text: str) -> str:
    """A name as `fold_name` gives it, without article and words such as 'Governorate'; for matching only.

    A name that consists of such words keeps them.
    """
    words: list[str] = []
    is_after_generic = False
    for word in _plain(text).split():
        if word.replace("'", "") in _GENERIC:
            is_after_generic = True
        elif not (is_after_generic and word in _BETWEEN):
            words.append((_ELISION.sub("", word) if is_after_generic else word).replace("'", ""))
            is_after_generic = False
    return _ARTICLES.sub("", " ".join(words).strip()) or fold_name(text)


def _plain(text: str) -> str:
    """Folded, with apostrophes still there and blanks for other punctuation."""
    decomposed = unicodedata.normalize("NFKD", _APOSTROPHES.sub("'", str(text))).casefold()
    return "".join(_plain_character(character) for character in decomposed)


@cache
def _plain_character(character: str) -> str:
    category = unicodedata.category(character)
    # Marks of Latin, Arabic and Hebrew go, and so do letters such as ʿ and soft signs, and joiners that nobody sees.
    if unicodedata.combining(character) or category in ("Lm", "Cf"):
        return ""
    if character == "'" or category[0] in "NM":
        return character
    if category[0] != "L":
        return " "
    latin = _LATIN.fullmatch(unicodedata.name(character, ""))
    return _NAMED.get(character, latin.group(1).lower() if latin else character)
