//! Schemas, read from JSON.

use std::collections::HashMap;

use sluice_value::{EcoString, Object, Value, json};

use super::MAX_DEPTH;
use super::logical::Logical;

/// A schema. Its types refer to each other by number, so that they can refer to themselves.
#[derive(Clone, Debug)]
pub(crate) struct Schema {
    types: Vec<Type>,
    root: TypeId,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TypeId(usize);

#[derive(Clone, Debug)]
pub(super) struct Type {
    pub(super) kind: Kind,
    pub(super) logical: Option<Logical>,
}

#[derive(Clone, Debug)]
pub(super) enum Kind {
    Null,
    Boolean,
    Int,
    Long,
    Float,
    Double,
    Bytes,
    String,
    Array(TypeId),
    Map(TypeId),
    Union(Vec<TypeId>),
    Fixed { name: EcoString, size: usize },
    Enum { name: EcoString, symbols: Vec<EcoString> },
    Record { name: EcoString, fields: Vec<Field> },
}

#[derive(Clone, Debug)]
pub(super) struct Field {
    pub(super) name: EcoString,
    pub(super) ty: TypeId,
    pub(super) default: Option<Value>,
}

impl Schema {
    /// # Errors
    /// The text is no schema.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        Self::parse_with(text, &[])
    }

    /// Reads a schema that may refer to others: to types they declare, and to themselves by name.
    /// Each comes behind those that it refers to itself.
    ///
    /// # Errors
    /// A text is no schema, or refers to what is not there.
    pub(crate) fn parse_with(text: &str, others: &[(String, String)]) -> Result<Self> {
        let mut parser = Parser { types: Vec::new(), names: HashMap::new() };
        for (name, other) in others {
            let id = read(other).and_then(|value| parser.any(&value, "", 0));
            let id = id.map_err(|error| format!("reference '{name}': {error}"))?;
            parser.names.entry(name.as_str().into()).or_insert(id);
        }
        let root = parser.any(&read(text)?, "", 0)?;
        Ok(Self { types: parser.types, root })
    }

    pub(super) fn root(&self) -> TypeId {
        self.root
    }

    pub(super) fn get(&self, id: TypeId) -> &Type {
        &self.types[id.0]
    }

    /// What the type is called as a member of a union.
    pub(super) fn name(&self, id: TypeId) -> EcoString {
        let ty = self.get(id);
        match (&ty.kind, ty.logical) {
            (Kind::Record { name, .. } | Kind::Enum { name, .. }, _) => name.clone(),
            (Kind::Fixed { name, .. }, _) => name.clone(),
            (kind, Some(logical)) => format!("{}.{}", kind.word(), logical.name()).into(),
            (kind, None) => kind.word().into(),
        }
    }
}

fn read(text: &str) -> Result<Value> {
    match json::parse(text.trim().as_bytes()) {
        Ok(value) => Ok(value),
        // The name of a type alone, without quotes.
        Err(_) if primitive(text.trim()).is_some() => Ok(Value::from(text.trim())),
        Err(error) => {
            let error = error.in_document(text.as_bytes());
            Err(format!("cannot unmarshal schema JSON: {error}"))
        }
    }
}

impl Kind {
    /// The kind as schemas write it.
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Boolean => "boolean",
            Self::Int => "int",
            Self::Long => "long",
            Self::Float => "float",
            Self::Double => "double",
            Self::Bytes => "bytes",
            Self::String => "string",
            Self::Array(_) => "array",
            Self::Map(_) => "map",
            Self::Union(_) => "union",
            Self::Fixed { .. } => "fixed",
            Self::Enum { .. } => "enum",
            Self::Record { .. } => "record",
        }
    }
}

pub(super) fn primitive(name: &str) -> Option<Kind> {
    Some(match name {
        "null" => Kind::Null,
        "boolean" => Kind::Boolean,
        "int" => Kind::Int,
        "long" => Kind::Long,
        "float" => Kind::Float,
        "double" => Kind::Double,
        "bytes" => Kind::Bytes,
        "string" => Kind::String,
        _ => return None,
    })
}

struct Parser {
    types: Vec<Type>,
    /// Named types by their full names.
    names: HashMap<EcoString, TypeId>,
}

type Result<T> = std::result::Result<T, String>;

impl Parser {
    fn add(&mut self, kind: Kind, logical: Option<Logical>) -> TypeId {
        self.types.push(Type { kind, logical });
        TypeId(self.types.len() - 1)
    }

    fn any(&mut self, value: &Value, namespace: &str, depth: usize) -> Result<TypeId> {
        if depth > MAX_DEPTH {
            return Err(format!("schema is nested more than {MAX_DEPTH} deep"));
        }
        match value {
            Value::String(name) => self.named(name, namespace),
            Value::Array(members) => {
                let mut ids = Vec::with_capacity(members.len());
                for member in members {
                    ids.push(self.any(member, namespace, depth + 1)?);
                }
                self.union(ids)
            }
            Value::Object(fields) => self.object(fields, namespace, depth),
            other => Err(format!("unknown schema type: {}", other.kind())),
        }
    }

    fn named(&mut self, name: &str, namespace: &str) -> Result<TypeId> {
        if let Some(kind) = primitive(name) {
            return Ok(self.add(kind, None));
        }
        let full = full_name(name, namespace);
        let known = self.names.get(&full).or_else(|| self.names.get(name)).copied();
        known.ok_or_else(|| format!("unknown type name: {name:?}"))
    }

    fn union(&mut self, members: Vec<TypeId>) -> Result<TypeId> {
        if members.is_empty() {
            return Err("Union ought to have one or more members".into());
        }
        let schema = Schema { types: std::mem::take(&mut self.types), root: TypeId(0) };
        let mut names: Vec<EcoString> = members.iter().map(|id| schema.name(*id)).collect();
        let is_nested = members.iter().any(|id| matches!(schema.get(*id).kind, Kind::Union(_)));
        self.types = schema.types;
        names.sort();
        if is_nested {
            return Err("Union may not be a member of a union".into());
        }
        let repeated = names.iter().zip(names.iter().skip(1)).find(|(a, b)| a == b);
        if let Some((name, _)) = repeated {
            return Err(format!("Union item ought to be unique type: {name}"));
        }
        Ok(self.add(Kind::Union(members), None))
    }

    fn object(&mut self, fields: &Object, namespace: &str, depth: usize) -> Result<TypeId> {
        let ty = match fields.get("type") {
            Some(Value::String(ty)) => ty.as_str(),
            Some(nested @ (Value::Object(_) | Value::Array(_))) => {
                return self.any(nested, namespace, depth + 1);
            }
            _ => return Err("missing type: schema ought to have a type".into()),
        };
        match ty {
            "array" => {
                let items = fields.get("items").ok_or("Array ought to have items key")?;
                let items = self.any(items, namespace, depth + 1)?;
                Ok(self.add(Kind::Array(items), None))
            }
            "map" => {
                let values = fields.get("values").ok_or("Map ought to have values key")?;
                let values = self.any(values, namespace, depth + 1)?;
                Ok(self.add(Kind::Map(values), None))
            }
            "record" | "error" => self.record(fields, namespace, depth),
            "enum" => self.enumeration(fields, namespace),
            "fixed" => self.fixed(fields, namespace),
            name => match primitive(name) {
                Some(kind) => {
                    let logical = Logical::of(&kind, fields);
                    Ok(self.add(kind, logical))
                }
                None => self.named(name, namespace),
            },
        }
    }

    /// The full name of a type that is being declared, and the namespace inside of it.
    fn declared(&self, fields: &Object, namespace: &str) -> Result<(EcoString, String)> {
        let name = text(fields, "name").ok_or("schema ought to have name key")?;
        let own = text(fields, "namespace").unwrap_or(namespace);
        let full = full_name(name, own);
        if !full.split('.').all(is_name) {
            return Err(format!("schema name ought to be valid: {full:?}"));
        }
        if self.names.contains_key(&full) {
            return Err(format!("schema type {full:?} is declared twice"));
        }
        let inner = full.rsplit_once('.').map_or("", |(inner, _)| inner).to_owned();
        Ok((full, inner))
    }

    fn record(&mut self, object: &Object, namespace: &str, depth: usize) -> Result<TypeId> {
        let (name, inner) = self.declared(object, namespace)?;
        // Its fields may refer to it.
        let id = self.add(Kind::Record { name: name.clone(), fields: Vec::new() }, None);
        self.names.insert(name.clone(), id);
        let declared = object.get("fields").and_then(Value::as_array);
        let declared =
            declared.ok_or_else(|| format!("Record {name:?} ought to have fields key"))?;
        let mut fields: Vec<Field> = Vec::with_capacity(declared.len());
        for field in declared {
            let problem = |problem: &str| format!("Record {name:?} field {problem}");
            let field = field.as_object().ok_or_else(|| problem("ought to be an object"))?;
            let field_name = text(field, "name").ok_or_else(|| problem("ought to have a name"))?;
            let ty = field.get("type").ok_or_else(|| problem("ought to have a type"))?;
            // A field may carry the attributes of its type beside it.
            let is_flat = matches!(ty, Value::String(ty)
                if matches!(ty.as_str(), "array" | "map" | "enum" | "fixed" | "record"))
                || (field.contains_key("logicalType") && matches!(ty, Value::String(_)));
            let ty = if is_flat && !is_named_declaration(ty) {
                self.object(field, &inner, depth + 1)
            } else {
                self.any(ty, &inner, depth + 1)
            };
            let ty = ty.map_err(|error| problem(&format!("{field_name:?}: {error}")))?;
            if fields.iter().any(|other| other.name == field_name) {
                return Err(problem(&format!("{field_name:?} is declared twice")));
            }
            let default = field.get("default").cloned();
            fields.push(Field { name: field_name.into(), ty, default });
        }
        self.types[id.0].kind = Kind::Record { name, fields };
        Ok(id)
    }

    fn enumeration(&mut self, fields: &Object, namespace: &str) -> Result<TypeId> {
        let (name, _) = self.declared(fields, namespace)?;
        let symbols = fields.get("symbols").and_then(Value::as_array);
        let symbols: Option<Vec<EcoString>> = symbols.and_then(|symbols| {
            symbols.iter().map(|symbol| symbol.as_str().map(EcoString::from)).collect()
        });
        let symbols = symbols.filter(|symbols| !symbols.is_empty());
        let symbols = symbols.ok_or_else(|| format!("Enum {name:?} ought to have symbols"))?;
        let id = self.add(Kind::Enum { name: name.clone(), symbols }, None);
        self.names.insert(name, id);
        Ok(id)
    }

    fn fixed(&mut self, fields: &Object, namespace: &str) -> Result<TypeId> {
        let (name, _) = self.declared(fields, namespace)?;
        let size = fields.get("size").and_then(Value::as_i64);
        let size = size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0);
        let size = size.ok_or_else(|| format!("Fixed {name:?} ought to have a positive size"))?;
        let kind = Kind::Fixed { name: name.clone(), size };
        let logical = Logical::of(&kind, fields);
        let id = self.add(kind, logical);
        self.names.insert(name, id);
        Ok(id)
    }
}

/// Types that need a name of their own cannot share the name of a field.
fn is_named_declaration(ty: &Value) -> bool {
    matches!(ty, Value::String(ty) if matches!(ty.as_str(), "enum" | "fixed" | "record"))
}

fn text<'a>(fields: &'a Object, key: &str) -> Option<&'a str> {
    fields.get(key).and_then(Value::as_str).filter(|text| !text.is_empty())
}

fn full_name(name: &str, namespace: &str) -> EcoString {
    if name.contains('.') || namespace.is_empty() {
        return name.trim_start_matches('.').into();
    }
    format!("{namespace}.{name}").into()
}

fn is_name(name: &str) -> bool {
    let is_letter = |c: char| c.is_ascii_alphabetic() || c == '_';
    name.starts_with(is_letter) && name.chars().all(|c| is_letter(c) || c.is_ascii_digit())
}
