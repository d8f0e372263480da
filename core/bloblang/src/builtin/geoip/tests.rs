//! Databases of one record, written here.

use bytes::Bytes;

use super::{Subject, database::Database};

/// Part of a record.
enum Part {
    Text(&'static str),
    Number(u32),
    Short(u16),
    Long(u64),
    Float(f64),
    Bool(bool),
    Map(Vec<(&'static str, Part)>),
    List(Vec<Part>),
}

fn write(part: &Part, out: &mut Vec<u8>) {
    let control = |kind: u8, size: usize, out: &mut Vec<u8>| {
        let size = u8::try_from(size).expect("parts are small");
        assert!(size < 29);
        if kind < 8 {
            out.push(kind << 5 | size);
        } else {
            out.extend_from_slice(&[size, kind - 7]);
        }
    };
    match part {
        Part::Text(text) => {
            control(2, text.len(), out);
            out.extend_from_slice(text.as_bytes());
        }
        Part::Float(f) => {
            control(3, 8, out);
            out.extend_from_slice(&f.to_be_bytes());
        }
        Part::Number(n) => {
            control(6, 4, out);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Part::Short(n) => {
            control(5, 2, out);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Part::Long(n) => {
            control(9, 8, out);
            out.extend_from_slice(&n.to_be_bytes());
        }
        Part::Map(fields) => {
            control(7, fields.len(), out);
            for (key, value) in fields {
                write(&Part::Text(key), out);
                write(value, out);
            }
        }
        Part::List(items) => {
            control(11, items.len(), out);
            items.iter().for_each(|item| write(item, out));
        }
        Part::Bool(b) => control(14, usize::from(*b), out),
    }
}

/// A database that knows the addresses that begin with the bit 0.
fn database(kind: &'static str, record: &Part) -> Bytes {
    let mut out = Vec::new();
    // One node: to the record behind the tree and a gap of 16 bytes, and to nowhere.
    out.extend_from_slice(&[0, 0, 17, 0, 0, 1]);
    out.extend_from_slice(&[0; 16]);
    write(record, &mut out);
    out.extend_from_slice(b"\xab\xcd\xefMaxMind.com");
    let metadata = Part::Map(vec![
        ("binary_format_major_version", Part::Short(2)),
        ("binary_format_minor_version", Part::Short(0)),
        ("build_epoch", Part::Long(1)),
        ("database_type", Part::Text(kind)),
        ("description", Part::Map(vec![])),
        ("ip_version", Part::Short(4)),
        ("languages", Part::List(vec![])),
        ("node_count", Part::Number(1)),
        ("record_size", Part::Short(24)),
    ]);
    write(&metadata, &mut out);
    out.into()
}

fn city() -> Part {
    let names = |name| Part::Map(vec![("en", Part::Text(name))]);
    Part::Map(vec![
        ("city", Part::Map(vec![("names", names("Brno")), ("geoname_id", Part::Number(5))])),
        ("country", Part::Map(vec![("iso_code", Part::Text("CZ"))])),
        ("location", Part::Map(vec![("latitude", Part::Float(49.5))])),
        ("subdivisions", Part::List(vec![Part::Map(vec![("iso_code", Part::Text("64"))])])),
        ("traits", Part::Map(vec![("is_anycast", Part::Bool(true))])),
        ("unknown", Part::Number(1)),
    ])
}

fn look_up(database: &Database, address: &str, subject: Subject) -> String {
    match database.look_up(address, subject) {
        Ok(value) => String::from_utf8(value.to_json()).expect("JSON is UTF-8"),
        Err(problem) => format!("error: {problem}"),
    }
}

#[test]
fn records_have_all_fields_of_their_subject() {
    let database = Database::new(database("GeoLite2-City", &city())).expect("it is a database");
    assert_eq!(
        look_up(&database, "1.2.3.4", Subject::Country),
        r#"{"Continent":{"Code":"","GeoNameID":0,"Names":null},"Country":{"GeoNameID":0,"IsInEuropeanUnion":false,"IsoCode":"CZ","Names":null},"RegisteredCountry":{"GeoNameID":0,"IsInEuropeanUnion":false,"IsoCode":"","Names":null},"RepresentedCountry":{"GeoNameID":0,"IsInEuropeanUnion":false,"IsoCode":"","Names":null,"Type":""},"Traits":{"IsAnonymousProxy":false,"IsAnycast":true,"IsSatelliteProvider":false}}"#
    );
    let city = database.look_up("1.2.3.4", Subject::City).expect("it is there");
    let get = |path: &str| {
        let keys: Vec<&str> = path.split('.').collect();
        city.search(&keys).expect(path).to_text()
    };
    assert_eq!(get("City.Names.en"), "Brno");
    assert_eq!(get("City.GeoNameID"), "5");
    assert_eq!(get("Location.Latitude"), "49.5");
    assert_eq!(get("Subdivisions.0.IsoCode"), "64");
    assert_eq!(get("Postal.Code"), "");
}

#[test]
fn addresses_that_are_not_there_have_empty_fields() {
    let database = Database::new(database("GeoLite2-City", &city())).expect("it is a database");
    let found = look_up(&database, "200.2.3.4", Subject::City);
    assert!(found.contains(r#""City":{"GeoNameID":0,"Names":null}"#), "{found}");
    assert!(found.contains(r#""Subdivisions":null"#), "{found}");
}

#[test]
fn wrong_questions_are_refused() {
    let city = Database::new(database("GeoLite2-City", &city())).expect("it is a database");
    assert_eq!(
        look_up(&city, "1.2.3.4", Subject::Asn),
        "error: geoip2: the ASN method does not support the GeoLite2-City database"
    );
    assert_eq!(
        look_up(&city, "nowhere", Subject::City),
        "error: value nowhere does not appear to be a valid v4 or v6 IP address"
    );
    let unknown = Database::new(database("Home-Made", &Part::Map(vec![])));
    assert_eq!(
        unknown.err().as_deref(),
        Some("geoip2: reader does not support the \"Home-Made\" database type")
    );
    assert!(Database::new(Bytes::from_static(b"not a database")).is_err());
}
