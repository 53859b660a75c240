// Imported before @peculiar/x509, whose dependency injection (tsyringe) refuses to load without the Reflect metadata
// calls. None of the classes it builds takes constructor parameters, so "there is no metadata" is a true answer.
Object.assign(Reflect, {
  getMetadata: Reflect.get(Reflect, 'getMetadata') ?? noMetadata,
  getOwnMetadata: Reflect.get(Reflect, 'getOwnMetadata') ?? noMetadata,
});

function noMetadata(): undefined {
  return undefined;
}
