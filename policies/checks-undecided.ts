/** Checks that no declared resource decides, and why. They stand in checks.json with an empty list. */
export const UNDECIDED: Readonly<Record<string, string>> = {
  "IMG-07": "A signature is kept in the registry, beside the image: a declaration only names the image. Verify it when the image is built or admitted.",
  "IMG-09": "Base image, source label and age stand in the image's own configuration, which only the registry knows.",
  "DEP-02": "Pulumi's SDK and the API server hold the schemas of every kind, custom ones too; a copy here would lag behind both.",
};
