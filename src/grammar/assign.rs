//! Shell assignment files: `KEY=value`, read and never executed.
