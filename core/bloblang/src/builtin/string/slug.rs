//! `slug`: text as a part of a URL.

use sluice_value::Value;

use crate::{
    Error,
    builtin::{
        Args, Category, Default, Example, Method, MethodCode, Param, PreparedMethod, Status,
        text_of,
    },
};

pub(super) const METHOD: Method = Method::new(
    "slug",
    &[Category::String],
    "Text as it looks good in a URL: small letters of ASCII, digits, dashes and underscores. Signs \
     such as `&` and `@` are written out in the language given as a two-letter code.",
    MethodCode::Prepare(slug),
)
.status(Status::Beta)
.plain_errors()
.params(&[Param::string("lang", "The language.").or(Default::String("en"))])
.examples(&[
    Example::new(
        "root.slug = this.title.slug()",
        &[(r#"{"title":"Hello, Wörld & Friends!"}"#, r#"{"slug":"hello-world-and-friends"}"#)],
    ),
    Example::new(
        "root.slug = this.title.slug(\"fr\")",
        &[(r#"{"title":"Gaufre & Poisson"}"#, r#"{"slug":"gaufre-et-poisson"}"#)],
    ),
]);

type Spellings = &'static [(char, &'static str)];

fn slug(args: &Args<'_, '_>) -> Result<PreparedMethod, Error> {
    let language = args.opt_text(0).unwrap_or_default().to_lowercase();
    let spellings = spellings(&language);
    Ok(PreparedMethod::new(move |value| {
        text_of(value).map(|text| Value::string(slugged(&text, spellings)))
    }))
}

fn slugged(text: &str, spellings: Spellings) -> String {
    let mut spelled = String::with_capacity(text.len());
    for c in text.trim().chars() {
        match spellings.iter().chain(EVERYWHERE).find(|(sign, _)| *sign == c) {
            Some((_, words)) => spelled.push_str(words),
            None => spelled.push(c),
        }
    }
    let ascii = deunicode::deunicode(&spelled).to_lowercase();
    let mut slug = String::with_capacity(ascii.len());
    for c in ascii.chars() {
        match c {
            'a'..='z' | '0'..='9' | '_' => slug.push(c),
            _ if slug.ends_with('-') => {}
            _ => slug.push('-'),
        }
    }
    slug.trim_matches(['-', '_']).to_owned()
}

/// Signs that are left out or stand for others in every language.
const EVERYWHERE: Spellings =
    &[('\'', ""), ('"', ""), ('’', ""), ('‒', "-"), ('–', "-"), ('—', "-"), ('―', "-")];

fn spellings(language: &str) -> Spellings {
    match language {
        "bg" => &[('&', "и"), ('@', "на")],
        "cs" | "cz" => &[('&', "a"), ('@', "zavinac")],
        "de" | "deu" => &[
            ('&', "und"),
            ('@', "an"),
            ('ä', "ae"),
            ('Ä', "Ae"),
            ('ö', "oe"),
            ('Ö', "Oe"),
            ('ü', "ue"),
            ('Ü', "Ue"),
            ('ß', "ss"),
            ('ẞ', "SS"),
        ],
        "es" | "spa" => &[('&', "y"), ('@', "en")],
        "fi" | "fin" => &[('&', "ja"), ('@', "at")],
        "fr" | "fra" => &[('&', "et"), ('@', "arobase")],
        "gr" | "el" | "ell" => &[
            ('&', "kai"),
            ('η', "i"),
            ('ή', "i"),
            ('Η', "i"),
            ('ι', "i"),
            ('χ', "x"),
            ('Χ', "x"),
            ('ω', "w"),
            ('ώ', "w"),
            ('Ω', "w"),
            ('ξ', "ks"),
            ('υ', "u"),
            ('ύ', "u"),
        ],
        "hu" | "hun" => &[
            ('á', "a"),
            ('Á', "A"),
            ('é', "e"),
            ('É', "E"),
            ('í', "i"),
            ('Í', "I"),
            ('ó', "o"),
            ('Ó', "O"),
            ('ö', "o"),
            ('Ö', "O"),
            ('ő', "o"),
            ('Ő', "O"),
            ('ú', "u"),
            ('Ú', "U"),
            ('ü', "u"),
            ('Ü', "U"),
            ('ű', "u"),
            ('Ű', "U"),
        ],
        "id" | "idn" | "ind" => &[('&', "dan")],
        "it" | "ita" => &[('&', "e"), ('@', "chiocciola")],
        "kk" | "kz" | "kaz" => &[
            ('&', "jäne"),
            ('ә', "ä"),
            ('ғ', "g"),
            ('қ', "q"),
            ('ң', "n"),
            ('ө', "ö"),
            ('ұ', "u"),
            ('ү', "ü"),
            ('һ', "h"),
            ('і', "i"),
        ],
        "nb" | "nob" | "nn" | "nno" | "no" | "nor" => &[
            ('&', "og"),
            ('@', "at"),
            ('æ', "ae"),
            ('ø', "oe"),
            ('å', "aa"),
            ('Æ', "Ae"),
            ('Ø', "Oe"),
            ('Å', "Aa"),
        ],
        "nl" | "nld" => &[('&', "en"), ('@', "at")],
        "pl" | "pol" => &[('&', "i"), ('@', "na")],
        "pt" | "prt" | "pt-br" | "br" | "bra" | "por" => &[
            ('&', "e"),
            ('@', "em"),
            ('á', "a"),
            ('Á', "A"),
            ('é', "e"),
            ('É', "E"),
            ('í', "i"),
            ('Í', "I"),
            ('ó', "o"),
            ('Ó', "O"),
            ('ö', "o"),
            ('Ö', "O"),
            ('ú', "u"),
            ('Ú', "U"),
            ('ü', "u"),
            ('Ü', "U"),
        ],
        "ro" | "rou" => &[
            ('&', "si"),
            ('Ă', "A"),
            ('ă', "a"),
            ('Â', "A"),
            ('â', "a"),
            ('Î', "I"),
            ('î', "i"),
            ('Ș', "S"),
            ('ș', "s"),
            ('Ț', "T"),
            ('ț', "t"),
        ],
        "sl" | "slv" => &[('&', "in"), ('Đ', "DZ"), ('đ', "dz")],
        "sv" | "swe" => &[('&', "och"), ('@', "snabel a")],
        "tr" | "tur" => &[
            ('&', "ve"),
            ('@', "et"),
            ('ş', "s"),
            ('Ş', "S"),
            ('ü', "u"),
            ('Ü', "U"),
            ('ö', "o"),
            ('Ö', "O"),
            ('İ', "I"),
            ('ı', "i"),
            ('ğ', "g"),
            ('Ğ', "G"),
            ('ç', "c"),
            ('Ç', "C"),
        ],
        _ => &[('&', "and"), ('@', "at")],
    }
}
