//! Links lead somewhere.

use super::markdown::{anchors, pages, parts};
use super::{read, root};

/// The targets of the links in a line.
fn targets(line: &str) -> impl Iterator<Item = &str> {
    // Text in backticks is not a link.
    let prose = line.split('`').step_by(2);
    prose.flat_map(|prose| {
        prose
            .split("](")
            .skip(1)
            .filter_map(|rest| rest.split([')', ' ']).next())
    })
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let (mut broken, mut followed) = (Vec::new(), 0);
    for page in pages("") {
        let text = read(&page);
        let folder = root().join(&page).parent().unwrap().to_owned();
        for (number, line) in parts(&text).1 {
            for target in targets(line) {
                if target.contains("://") || target.starts_with("mailto:") {
                    continue;
                }
                followed += 1;
                let (file, anchor) = target.split_once('#').unwrap_or((target, ""));
                let path = if file.is_empty() {
                    root().join(&page)
                } else {
                    folder.join(file)
                };
                let Ok(path) = path.canonicalize() else {
                    broken.push(format!("{page}:{number}: {target}: there is no such file"));
                    continue;
                };
                let is_page = path.extension().is_some_and(|extension| extension == "md");
                let name = path.to_str().unwrap();
                if !anchor.is_empty()
                    && is_page
                    && !anchors(name).iter().any(|known| known == anchor)
                {
                    broken.push(format!(
                        "{page}:{number}: {target}: there is no such heading"
                    ));
                }
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
    assert!(followed > 10, "{followed} links");
}
