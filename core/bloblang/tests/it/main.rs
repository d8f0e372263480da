//! The language as its users see it.

mod cases;
