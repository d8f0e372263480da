//! Definitions of messages, from `.proto` files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use prost_reflect::DescriptorPool;
use protox::Compiler;
use protox::file::{ChainFileResolver, File, FileResolver, GoogleFileResolver};
use sluice_engine::{BuildError, Scope};

/// Most files below a directory.
const MAX_FILES: usize = 10_000;
/// Deepest nesting of directories.
const MAX_DEPTH: usize = 50;

/// Compiles files by their names. The definitions that Protobuf itself comes with need not be
/// among them.
///
/// # Errors
/// A file is broken, or imports one that is not there.
pub(crate) fn compile(files: BTreeMap<String, String>) -> Result<DescriptorPool, String> {
    let names: Vec<String> = files.keys().cloned().collect();
    let mut resolver = ChainFileResolver::new();
    resolver.add(Sources(Arc::new(files)));
    resolver.add(GoogleFileResolver::new());
    let mut compiler = Compiler::with_file_resolver(resolver);
    compiler.include_imports(true);
    compiler.open_files(names).map_err(|error| format!("failed to parse proto schema: {error}"))?;
    Ok(compiler.descriptor_pool())
}

struct Sources(Arc<BTreeMap<String, String>>);

impl FileResolver for Sources {
    /// Names are paths to this resolver, whatever they look like.
    fn resolve_path(&self, path: &Path) -> Option<String> {
        let name = path.to_str()?;
        self.0.contains_key(name).then(|| name.to_owned())
    }

    fn open_file(&self, name: &str) -> Result<File, protox::Error> {
        match self.0.get(name) {
            Some(source) => File::from_source(name, source),
            None => Err(protox::Error::file_not_found(name)),
        }
    }
}

/// Compiles all `.proto` files below some directories.
///
/// # Errors
/// A directory or file cannot be read, or is broken. Files are read as mappings read them: not at
/// all where configurations come from strangers.
pub(crate) fn load(directories: &[String], scope: &Scope) -> Result<DescriptorPool, BuildError> {
    let host = scope.environment().registry.language().host().clone();
    let mut files = BTreeMap::new();
    for directory in directories {
        let directory = Path::new(directory);
        let mut found = Vec::new();
        find(directory, 0, &mut found)?;
        for path in found {
            let name = path.strip_prefix(directory).unwrap_or(&path);
            let shown = path.to_string_lossy();
            let failed = |error: &dyn std::fmt::Display| {
                BuildError::new(format!("failed to read import {shown}: {error}"))
            };
            let content = host.read_file(&shown).map_err(|error| failed(&error))?;
            let content = String::from_utf8(content.into()).map_err(|error| failed(&error))?;
            files.insert(name.to_string_lossy().into_owned(), content);
        }
    }
    compile(files).map_err(BuildError::new)
}

fn find(directory: &Path, depth: usize, found: &mut Vec<PathBuf>) -> Result<(), BuildError> {
    let failed = |error: std::io::Error| {
        BuildError::new(format!("failed to read directory {}: {error}", directory.display()))
    };
    if depth > MAX_DEPTH {
        return Err(BuildError::new(format!("directories are nested more than {MAX_DEPTH} deep")));
    }
    for entry in std::fs::read_dir(directory).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            find(&path, depth + 1, found)?;
        } else if path.extension().is_some_and(|extension| extension == "proto") {
            found.push(path);
        }
        if found.len() > MAX_FILES {
            return Err(BuildError::new(format!("more than {MAX_FILES} .proto files")));
        }
    }
    Ok(())
}
