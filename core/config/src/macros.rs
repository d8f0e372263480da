//! [`config!`](crate::config): a struct, its field table and its reader from one text.

/// Declares a configuration struct.
///
/// ```
/// use std::time::Duration;
///
/// sluice_config::config! {
///     /// Publishes messages to a subject.
///     pub struct Publish {
///         /// Server to connect to.
///         url: String,
///         /// Longest wait for one receipt.
///         ack_wait: Duration = "5s" => advanced,
///         /// How to compress.
///         compression: String = "none" => options("none", "gzip") advanced,
///     }
/// }
/// let node = sluice_config::parse("url: nats://localhost").unwrap();
/// let publish: Publish = sluice_config::Reader::new().read(&node).unwrap();
/// assert_eq!(publish.ack_wait, Duration::from_secs(5));
/// ```
///
/// Flags after `=>`: `advanced`, `deprecated`, `secret`, `interpolated`, `bloblang`,
/// `lint_required`, `optional`, `options("a", ...)` (linted), `advisory_options("a", ...)` (the
/// component checks them itself) and `rule(function)` (see [`Rule`](crate::Rule)). A field is required unless it has a default, its type is an
/// `Option`, or it is a struct whose own fields all have defaults.
#[macro_export]
macro_rules! config {
    (
        $(#[doc = $struct_doc:literal])*
        $vis:vis struct $name:ident {
            $(
                $(#[doc = $doc:literal])*
                $field:ident : $ty:ty
                $(= $default:expr)?
                $(=> $($flag:ident $(($($option:tt),* $(,)?))?)+)?
            ),* $(,)?
        }
    ) => {
        $(#[doc = $struct_doc])*
        #[derive(Clone, Debug)]
        $vis struct $name {
            $( $(#[doc = $doc])* #[allow(unreachable_pub)] pub $field: $ty, )*
        }

        #[allow(unreachable_pub, dead_code)]
        impl $name {
            /// What the struct is for: its doc comment.
            pub const DOC: &'static str = concat!($($struct_doc, "\n",)* "");

            /// The field table.
            pub fn fields() -> &'static [$crate::Field] {
                static TABLE: std::sync::OnceLock<Vec<$crate::Field>> = std::sync::OnceLock::new();
                TABLE.get_or_init(|| vec![
                    $({
                        #[allow(unused_mut)]
                        let mut field = $crate::Field::new(
                            stringify!($field).trim_start_matches("r#"),
                        );
                        field.doc = $crate::doc_text(&[$($doc),*]);
                        <$ty as $crate::FieldType>::describe(&mut field);
                        $( field.default = Some($crate::Node::from($default)); )?
                        $($( $crate::config!(@flag field $flag $(($($option),*))?); )+)?
                        field
                    }),*
                ])
            }
        }

        impl $crate::FieldType for $name {
            fn describe(field: &mut $crate::Field) {
                field.ty = $crate::Type::Object;
                field.fields = Self::fields();
            }

            fn read(node: &$crate::Node, reader: &mut $crate::Reader<'_>) -> Option<Self> {
                let mut table = Self::fields().iter();
                $( let $field: Option<$ty> = reader.field(node, table.next()?); )*
                reader.unknown_fields(node, Self::fields());
                Some(Self { $( $field: $field? ),* })
            }

            fn absent(reader: &mut $crate::Reader<'_>) -> Option<Self> {
                <Self as $crate::FieldType>::read(&$crate::Node::empty_map(), reader)
            }

            const ABSENT_IS_EMPTY: bool = true;
        }
    };
    (@flag $field:ident advanced) => { $field.advanced = true; };
    (@flag $field:ident deprecated) => { $field.deprecated = true; };
    (@flag $field:ident secret) => { $field.secret = true; };
    (@flag $field:ident interpolated) => { $field.interpolated = true; };
    (@flag $field:ident bloblang) => { $field.bloblang = true; };
    (@flag $field:ident optional) => { $field.optional = true; };
    (@flag $field:ident lint_required) => { $field.lint_required = true; };
    (@flag $field:ident rule($rule:tt)) => { $field.rule = Some($rule); };
    (@flag $field:ident options($($option:literal),*)) => {
        $field.options = &[$($option),*];
        $field.options_linted = true;
    };
    (@flag $field:ident advisory_options($($option:literal),*)) => {
        $field.options = &[$($option),*];
    };
}

/// Joins the lines of a doc comment.
#[doc(hidden)]
pub fn doc_text(lines: &[&str]) -> String {
    let lines: Vec<&str> =
        lines.iter().map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
    lines.join("\n")
}
