//! Reading typed configuration from nodes, all problems at once.

use std::borrow::Cow;

use crate::{Field, Node, NodeValue, Position, Problem, Problems, types::Kind};

/// What placeholders such as `$tyk_context.user` stand for, when a document is a template.
///
/// Values are data: they replace placeholders inside scalars that were already parsed, and never
/// become document syntax or program text.
pub trait Parameters: Send + Sync {
    /// `text` with its placeholders replaced.
    fn substitute<'a>(&self, text: &'a str) -> Cow<'a, str>;
}

/// Reads nodes, remembers where it is, and gathers what is wrong.
#[derive(Default)]
pub struct Reader<'a> {
    parameters: Option<&'a dyn Parameters>,
    path: String,
    problems: Vec<Problem>,
}

/// A type that a field can have.
pub trait FieldType: Sized {
    /// Sets what this type says of a field: its type, shape, nested fields, optionality.
    fn describe(field: &mut Field);

    /// Reads a present node. `None` means that problems were reported.
    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self>;

    /// The value when the field is absent and has no default; `None` when it must be present.
    fn absent(_: &mut Reader<'_>) -> Option<Self> {
        None
    }

    /// Absence is read like an empty object, whose own problems say what is missing.
    const ABSENT_IS_EMPTY: bool = false;
}

impl<'a> Reader<'a> {
    pub fn new() -> Self {
        Self::default()
    }

    /// Placeholders in plain scalars are replaced by these parameters.
    pub fn with_parameters(mut self, parameters: Option<&'a dyn Parameters>) -> Self {
        self.parameters = parameters;
        self
    }

    /// Problem paths start with this document path.
    pub fn at_path(mut self, path: impl Into<String>) -> Self {
        self.path = path.into();
        self
    }

    /// Reads a whole node.
    ///
    /// # Errors
    /// Every problem of the node and what is below it.
    pub fn read<T: FieldType>(mut self, node: &Node) -> Result<T, Problems> {
        let value = T::read(node, &mut self);
        match value {
            Some(value) if self.problems.is_empty() => Ok(value),
            _ => Err(Problems(self.problems)),
        }
    }

    /// Document path of what is being read.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The text with placeholders replaced.
    pub fn substitute<'t>(&self, text: &'t str) -> Cow<'t, str> {
        self.parameters.map_or(Cow::Borrowed(text), |parameters| parameters.substitute(text))
    }

    pub fn problem(&mut self, at: Position, message: impl Into<String>) {
        self.problems.push(Problem {
            at,
            path: self.path.clone(),
            message: message.into(),
            hint: None,
        });
    }

    pub fn hint(&mut self, hint: impl Into<String>) {
        if let Some(problem) = self.problems.last_mut() {
            problem.hint = Some(hint.into());
        }
    }

    /// Runs `read` with `key` added to the path.
    pub fn below<T>(&mut self, key: &str, read: impl FnOnce(&mut Self) -> T) -> T {
        let length = self.path.len();
        if length > 0 {
            self.path.push('.');
        }
        self.path.push_str(key);
        let value = read(self);
        self.path.truncate(length);
        value
    }

    /// Reads one field of an object. Used by [`config!`](crate::config).
    pub fn field<T: FieldType>(&mut self, object: &Node, field: &Field) -> Option<T> {
        if !matches!(object.value, NodeValue::Map(_)) {
            return None; // reported once, by `unknown_fields`
        }
        self.below(field.name, |reader| {
            let present = object.get(field.name).filter(|node| !node.is_null());
            if let Some(node) = present.or(field.default.as_ref()) {
                reader.check_options(node, field);
                return T::read(node, reader);
            }
            let value = T::absent(reader);
            if value.is_none() && !T::ABSENT_IS_EMPTY {
                reader.problem(object.at, format!("field {} is required", field.name));
            }
            value
        })
    }

    fn check_options(&mut self, node: &Node, field: &Field) {
        let Some(text) = node.as_text().filter(|_| field.options_linted) else { return };
        let text = self.substitute(text);
        if !field.options.iter().any(|option| option.eq_ignore_ascii_case(&text)) {
            let options = field.options.join(", ");
            self.problem(node.at, format!("value {text} is not a valid option for this field"));
            self.hint(format!("one of {options}"));
        }
    }

    /// Reports fields that the table does not have, and a node that is no object at all.
    pub fn unknown_fields(&mut self, object: &Node, fields: &[Field]) {
        let NodeValue::Map(present) = &object.value else {
            let tag = object.as_scalar().map_or("!!seq", |scalar| scalar.kind.tag());
            self.problem(object.at, format!("expected object value, got {tag}"));
            return;
        };
        for (key, _) in present {
            if !fields.iter().any(|field| field.name == key.name) {
                self.below(&key.name, |reader| {
                    reader.problem(key.at, format!("field {} not recognised", key.name));
                    if let Some(near) = nearest(&key.name, fields.iter().map(|field| field.name)) {
                        reader.hint(format!("did you mean {near}?"));
                    }
                });
            }
        }
    }
}

/// The candidate that `name` is most likely a slip of.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let limit = (name.chars().count() / 3).max(1);
    candidates
        .into_iter()
        .map(|candidate| (distance(name, candidate), candidate))
        .filter(|(distance, _)| *distance <= limit)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Edit distance in which swapping neighbours counts once.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut rows = vec![vec![0; b.len() + 1]; a.len() + 1];
    for (i, row) in rows.iter_mut().enumerate() {
        row[0] = i;
    }
    rows[0] = (0..=b.len()).collect();
    for i in 1..=a.len() {
        for j in 1..=b.len() {
            let change = usize::from(a[i - 1] != b[j - 1]);
            let mut best =
                (rows[i - 1][j] + 1).min(rows[i][j - 1] + 1).min(rows[i - 1][j - 1] + change);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                best = best.min(rows[i - 2][j - 2] + 1);
            }
            rows[i][j] = best;
        }
    }
    rows[a.len()][b.len()]
}

impl<T: FieldType> FieldType for Option<T> {
    fn describe(field: &mut Field) {
        T::describe(field);
        field.optional = true;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        T::read(node, reader).map(Some)
    }

    fn absent(_: &mut Reader<'_>) -> Option<Self> {
        Some(None)
    }
}

impl<T: FieldType> FieldType for Vec<T> {
    fn describe(field: &mut Field) {
        T::describe(field);
        field.shape = match field.shape {
            crate::Shape::Array => crate::Shape::Array2d,
            _ => crate::Shape::Array,
        };
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(items) = node.as_list() else {
            reader.problem(node.at, "expected array value");
            return None;
        };
        let items: Vec<Option<T>> = items
            .iter()
            .enumerate()
            .map(|(at, item)| reader.below(&at.to_string(), |reader| T::read(item, reader)))
            .collect();
        items.into_iter().collect()
    }
}

impl<T: FieldType> FieldType for std::collections::BTreeMap<String, T> {
    fn describe(field: &mut Field) {
        T::describe(field);
        field.shape = crate::Shape::Map;
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        let Some(fields) = node.as_map() else {
            reader.problem(node.at, "expected object value");
            return None;
        };
        let fields: Vec<Option<(String, T)>> = fields
            .iter()
            .map(|(key, node)| {
                let name = reader.substitute(&key.name).into_owned();
                let value = reader.below(&key.name, |reader| T::read(node, reader));
                value.map(|value| (name, value))
            })
            .collect();
        fields.into_iter().collect()
    }
}

impl<K: Kind> FieldType for crate::Block<K> {
    fn describe(field: &mut Field) {
        field.ty = crate::Type::Component(K::KIND);
    }

    fn read(node: &Node, reader: &mut Reader<'_>) -> Option<Self> {
        Some(Self::new(node.clone(), reader.path.clone()))
    }
}
