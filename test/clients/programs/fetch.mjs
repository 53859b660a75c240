// Gets a URL with Node's own fetch.
const response = await fetch(process.argv[2]);
if (!response.ok) throw new Error(`${response.status} ${await response.text()}`);
console.log(response.status);
