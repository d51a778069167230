//! Reads a source, splits it into three sets of examples, and encodes and scales them.

use std::path::Path;

use crate::boxes::Object;
use crate::config::{DIGITS, DataConfig, Kind, Tokens, is_text};
use crate::dataset::Data;
use crate::error::DataError;
use crate::examples::{Examples, Targets};
use crate::folder::{self, Images};
use crate::lazy_images::Source;
use crate::normalize::Normalization;
use crate::tabular::{self, Encoding, Table};
use crate::{cifar, coco, digits, idx, resize, split, text};

impl Data {
    /// Reads, splits and normalises data.
    ///
    /// # Errors
    ///
    /// Fails if the source is missing, damaged or too small, or if a parameter does not fit it.
    pub fn open(config: &DataConfig) -> Result<Self, DataError> {
        let data = prepare(config)?;
        Ok(Self { fingerprint: data.digest(), ..data })
    }
}

/// Reads, splits and normalises data. The fingerprint is left empty.
fn prepare(config: &DataConfig) -> Result<Data, DataError> {
    let path = Path::new(&config.source);
    if is_text(&config.source) && path.is_file() {
        return of_text(path, config);
    }
    if config.tokens != Tokens::Characters {
        return unfit(config, "is not a text: 'tokens' is for texts; leave it at \"characters\"");
    }
    if tabular::is_table(&config.source) && path.is_file() {
        return of_table(path, config);
    }
    if config.source == DIGITS {
        return of_images(config, Images::new(digits::read()?, None));
    }
    if !path.is_dir() {
        return Err(DataError::Missing { path: path.to_owned() });
    }
    // A folder of classes may also hold a file with such a name, which is then ignored.
    if coco::is_folder(path) && (config.kind == Kind::Detection || !folder::has_classes(path)) {
        return of_boxes(path, config);
    }
    check_parameters_of_images(config)?;
    if let Some(read) = cifar::read_folder(path) {
        let (train, test) = read?;
        return of_images(config, Images::new(train, Some(test)));
    }
    if !idx::is_folder(path) && folder::is_folder(path) {
        let images = folder::read(path, config.size)?;
        return of_images(&DataConfig { size: 0, ..config.clone() }, images);
    }
    let (train, test) = idx::read_folder(path)?;
    of_images(config, Images::new(train, Some(test)))
}

fn of_boxes(path: &Path, config: &DataConfig) -> Result<Data, DataError> {
    if config.kind != Kind::Detection {
        return unfit(config, "has images with boxes, so 'task' must be \"detection\" or \"auto\"");
    }
    no_columns(config, "has no columns")?;
    let data = split_images(&DataConfig { size: 0, ..config.clone() }, coco::read(path, config.size)?)?;
    let counts = |object: &Object| !object.crowd;
    for (part, set) in [("training", &data.train), ("validation", &data.validation), ("test", &data.test)] {
        if let Targets::Boxes(boxes) = &set.targets
            && !boxes.objects().iter().any(counts)
        {
            let problem =
                format!("has no object in any {part} image: annotate some (crowds are not counted), or split");
            return unfit(
                config,
                &format!("{problem} the images differently, by 'split_seed' or a folder for each part"),
            );
        }
    }
    Ok(data)
}

fn of_images<S: Source>(config: &DataConfig, images: Images<S>) -> Result<Data, DataError> {
    check_parameters_of_images(config)?;
    check_classes(config, images.all.targets())?;
    split_images(config, images)
}

fn split_images<S: Source>(config: &DataConfig, images: Images<S>) -> Result<Data, DataError> {
    let Images { all, validation, test, classes } = images;
    if test.as_ref().is_some_and(|test| test.targets().is_empty()) {
        return Err(too_few(config, all.targets().len()));
    }
    let separate = split::SeparateParts { validation: validation.is_some(), test: test.is_some() };
    let parts = split::parts(config, all.targets(), separate)?;
    let validation = match validation {
        Some(separate) => separate.rows(&split::sample(config, separate.targets(), config.validation_limit))?,
        None => all.rows(&parts.validation)?,
    };
    let test = match test {
        Some(test) => test.whole()?,
        None => all.rows(&parts.test)?,
    };
    let mut sets = [all.rows(&parts.train)?, validation, test];
    drop(all);
    if config.size > 0 {
        sets = sets.map(|set| resize::resize(&set, config.size));
    }
    let normalization = Normalization::of(&sets[0]);
    Ok(Data { classes, ..scaled(config, sets, normalization) })
}

fn of_table(path: &Path, config: &DataConfig) -> Result<Data, DataError> {
    check_kind(config)?;
    if config.size > 0 {
        return unfit(config, "holds no images to resize: leave 'size' at 0");
    }
    let table = Table::read(path, config)?;
    check_classes(config, &table.targets)?;
    let parts = split::parts(config, &table.targets, split::SeparateParts::default())?;
    let encoding = Encoding::of(path, &table.columns, &parts.train, config.category_limit)?;
    let sets = [&parts.train, &parts.validation, &parts.test].map(|rows| Examples {
        shape: vec![encoding.width()],
        inputs: encoding.encode(&table.columns, rows).into(),
        targets: table.targets.rows(rows),
    });
    let normalization = Normalization::of(&sets[0]).only(&encoding.scaled());
    Ok(Data { encoding: Some(encoding), classes: table.classes, ..scaled(config, sets, normalization) })
}

fn of_text(path: &Path, config: &DataConfig) -> Result<Data, DataError> {
    if config.kind != Kind::Language {
        return unfit(config, "is a text, so 'task' must be \"language\" or \"auto\"");
    }
    no_columns(config, "is a text, which has no columns")?;
    if config.size > 0 {
        return unfit(config, "is a text, and holds no images to resize: leave 'size' at 0");
    }
    let text::Text { train, validation, test, vocabulary, tokenizer } = text::read(path, config)?;
    Ok(Data { vocabulary, tokenizer, ..scaled(config, [train, validation, test], Normalization::none()) })
}

fn scaled(config: &DataConfig, mut sets: [Examples; 3], normalization: Normalization) -> Data {
    sets.iter_mut().for_each(|set| normalization.apply(set));
    let [train, validation, test] = sets;
    let (vocabulary, classes) = (String::new(), Vec::new());
    Data {
        kind: config.kind,
        train,
        validation,
        test,
        normalization,
        vocabulary,
        tokenizer: None,
        encoding: None,
        classes,
        fingerprint: String::new(),
    }
}

fn origin(config: &DataConfig) -> String {
    format!("'{}'", config.source)
}

fn unfit<T>(config: &DataConfig, problem: &str) -> Result<T, DataError> {
    Err(DataError::Parameter(format!("{} {problem}", origin(config))))
}

fn too_few(config: &DataConfig, rows: usize) -> DataError {
    DataError::TooFew { origin: origin(config), rows, validation: config.validation, test: 0.0 }
}

fn check_kind(config: &DataConfig) -> Result<(), DataError> {
    if config.kind == Kind::Language {
        return unfit(config, "is not a text, so 'task' cannot be \"language\": give a .txt file");
    }
    if config.kind == Kind::Detection {
        let remedy = "give a folder with COCO's annotations";
        return unfit(config, &format!("has no boxes, so 'task' cannot be \"detection\": {remedy}"));
    }
    Ok(())
}

fn check_parameters_of_images(config: &DataConfig) -> Result<(), DataError> {
    check_kind(config)?;
    if config.kind == Kind::Regression {
        return unfit(config, "has classes, so 'task' cannot be \"regression\"");
    }
    no_columns(config, "has no columns")
}

/// Checks that no parameter names columns, which only tables have.
fn no_columns(config: &DataConfig, what: &str) -> Result<(), DataError> {
    let given = [
        ("target", !config.target.is_empty()),
        ("ignore", !config.ignore.is_empty()),
        ("categories", !config.categories.is_empty()),
    ];
    match given.iter().find(|(_, given)| *given) {
        Some((name, _)) => unfit(config, &format!("{what}: '{name}' is for tables; leave it empty")),
        None => Ok(()),
    }
}

fn check_classes(config: &DataConfig, targets: &Targets) -> Result<(), DataError> {
    if let Targets::Labels { labels, .. } = targets
        && let Some(first) = labels.first()
        && labels.iter().all(|label| label == first)
    {
        return Err(DataError::SingleClass { origin: origin(config), class: first.to_string() });
    }
    Ok(())
}
